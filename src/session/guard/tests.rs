//! Delays and limits, in a time that is advanced by hand.

use tokio::time::advance;

use super::*;

fn from(last: u8) -> Origin {
    Origin::new("tcp", Some(IpAddr::from([10, 0, 0, last])))
}

/// One wrong password, when it is its turn; the wait before it.
async fn fail(guard: &Arc<Guard>, origin: Origin) -> Duration {
    let start = Instant::now();
    loop {
        match guard.attempt(origin) {
            Ok((wait, attempt)) => {
                advance(wait).await;
                drop(attempt);
                return Instant::now() - start;
            }
            Err(wait) => advance(wait).await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_failure_of_an_address_doubles_its_wait_up_to_the_longest() {
    let guard = Guard::new();
    let mut waits = Vec::new();
    for _ in 0..10 {
        waits.push(fail(&guard, from(1)).await.as_millis());
    }
    assert_eq!(waits[..5], [0, 500, 1000, 2000, 4000]);
    assert!(waits.iter().all(|wait| *wait <= 32_000), "{waits:?}");
    assert!(waits[8..].iter().all(|wait| *wait >= 30_000), "{waits:?}");
    assert_eq!(fail(&guard, from(2)).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_guessing_tests_few_passwords() {
    let guard = Guard::new();
    let start = Instant::now();
    let mut tested = 0;
    while start.elapsed() < Duration::from_secs(3600) {
        let mut together = Vec::new();
        for _ in 0..STRANGERS_PER_ADDRESS_MAX {
            together.extend(guard.attempt(from(1)).ok());
        }
        tested += together.len();
        let longest = together.iter().map(|(wait, _)| *wait).max();
        advance(longest.unwrap_or_default() + Duration::from_millis(100)).await;
    }
    assert!(tested < 150, "{tested}");
}

#[tokio::test(start_paused = true)]
async fn failures_are_forgotten_after_ten_quiet_minutes() {
    let guard = Guard::new();
    for _ in 0..6 {
        fail(&guard, from(1)).await;
    }
    assert!(guard.attempt(from(1)).is_err());
    advance(FORGET_AFTER).await;
    assert_eq!(fail(&guard, from(1)).await, Duration::ZERO);
    assert_eq!(fail(&guard, from(1)).await, DELAY);
}

#[tokio::test(start_paused = true)]
async fn many_who_know_the_password_come_in_together_from_one_address() {
    let guard = Guard::new();
    for _ in 0..2 {
        fail(&guard, from(1)).await;
    }
    advance(DELAY_MAX).await;
    let attempts: Vec<_> = (0..8).map(|_| guard.attempt(from(1)).unwrap()).collect();
    for (wait, attempt) in attempts {
        assert_eq!(wait, Duration::ZERO);
        attempt.succeeded();
    }
}

#[tokio::test(start_paused = true)]
async fn after_some_failures_attempts_at_once_gain_nothing() {
    let guard = Guard::new();
    for _ in 0..SLIPS_MAX {
        fail(&guard, from(1)).await;
    }
    advance(DELAY_MAX).await;
    let (wait, first) = guard.attempt(from(1)).unwrap();
    assert_eq!(wait, Duration::ZERO);
    let (wait, second) = guard.attempt(from(1)).unwrap();
    assert_eq!(wait, Duration::from_secs(4));
    assert!(guard.attempt(from(1)).is_err());
    second.succeeded();
    first.succeeded();
    assert_eq!(fail(&guard, from(1)).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn knowing_one_password_does_not_help_to_guess_the_other() {
    let guard = Guard::new();
    for _ in 0..8 {
        fail(&guard, from(1)).await;
        advance(DELAY_MAX).await;
        guard.attempt(from(1)).unwrap().1.succeeded();
    }
    fail(&guard, from(1)).await;
    assert_eq!(guard.attempt(from(1)).unwrap_err(), DELAY_MAX);
}

#[tokio::test(start_paused = true)]
async fn guessing_from_everywhere_slows_everybody_but_locks_nobody_out() {
    let guard = Guard::new();
    let mut longest = Duration::ZERO;
    for address in 0..20_000u32 {
        let origin = Origin::new("tcp", Some(IpAddr::from(address.to_be_bytes())));
        drop(guard.attempt(origin).unwrap());
        longest = longest.max(
            guard
                .attempt(from(1))
                .map(|(wait, attempt)| {
                    attempt.succeeded();
                    wait
                })
                .unwrap(),
        );
    }
    assert_eq!(longest, EVERYBODY_MAX);
    assert!(guard.state().records.len() <= ORIGINS_MAX);
    advance(Duration::from_secs(60)).await;
    assert_eq!(guard.attempt(from(1)).unwrap().0, Duration::ZERO);
}

#[test]
fn seats_are_limited_by_address_and_in_all_and_free_again() {
    let guard = Guard::new();
    let mut seats: Vec<_> = (0..100).filter_map(|_| guard.seat(from(1)).ok()).collect();
    assert_eq!(seats.len(), STRANGERS_PER_ADDRESS_MAX);
    assert_eq!(
        guard.seat(from(1)).unwrap_err(),
        Full::Origin(STRANGERS_PER_ADDRESS_MAX)
    );
    for address in 2..200 {
        seats.extend(guard.seat(from(address)).ok());
    }
    assert_eq!(seats.len(), STRANGERS_MAX);
    assert_eq!(
        guard.seat(from(250)).unwrap_err(),
        Full::Everywhere(STRANGERS_MAX)
    );
    seats.clear();
    assert!(guard.seat(from(1)).is_ok());
    drop(guard.seat(from(1)));
    assert!(guard.state().strangers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_for_long_makes_room_for_another_of_the_same_address() {
    let guard = Guard::new();
    let seats: Vec<_> = (0..STRANGERS_PER_ADDRESS_MAX)
        .map(|_| guard.seat(from(1)).unwrap())
        .collect();
    seats[0].greeted();
    assert!(guard.seat(from(1)).is_err(), "they may be about to greet");
    advance(SILENT_MAX).await;
    let friend = guard.seat(from(1)).unwrap();
    let cut = |seats: &[Seat]| -> Vec<usize> {
        let numbered = seats.iter().enumerate();
        numbered
            .filter_map(|(number, seat)| seat.cut.is_cancelled().then_some(number))
            .collect()
    };
    assert_eq!(cut(&seats), [1], "the first who has not greeted");
    friend.greeted();
    let more: Vec<_> = (0..10).filter_map(|_| guard.seat(from(1)).ok()).collect();
    assert_eq!(
        cut(&seats).len(),
        seats.len() - 1,
        "all but who has greeted"
    );
    assert!(!friend.cut.is_cancelled());
    assert_eq!(guard.state().of(from(1)), STRANGERS_PER_ADDRESS_MAX);
    drop(seats);
    assert_eq!(guard.state().of(from(1)), more.len() + 1);
}

#[tokio::test(start_paused = true)]
async fn many_from_one_address_make_room_for_one_from_another() {
    let guard = Guard::new();
    let here = Origin::new("npipe", None);
    let crowd: Vec<_> = (0..STRANGERS_HERE_MAX)
        .map(|_| guard.seat(here).unwrap())
        .collect();
    let others: Vec<_> = (0..STRANGERS_MAX)
        .filter_map(|number| guard.seat(from(u8::try_from(number).unwrap())).ok())
        .collect();
    advance(SILENT_MAX).await;
    let _friend = guard.seat(from(250)).unwrap();
    assert!(crowd[0].cut.is_cancelled());
    assert!(others.iter().all(|seat| !seat.cut.is_cancelled()));
    let _own = guard.seat(here).expect("one of their own makes room");
    assert_eq!(guard.state().strangers.len(), STRANGERS_MAX);
}

#[test]
fn one_machine_is_one_origin_however_many_addresses_it_has() {
    let six = |text: &str| Origin::new("tcp", Some(text.parse().unwrap()));
    assert_eq!(six("2001:db8::1"), six("2001:db8::ffff:1"));
    assert_ne!(six("2001:db8::1"), six("2001:db8:0:1::1"));
    assert_eq!(six("::ffff:10.0.0.1"), from(1));
    assert_ne!(Origin::new("npipe", None), Origin::new("com", None));
}
