//! Right and wrong passwords, other channels, replays, garbage.

use std::sync::OnceLock;

use proptest::prelude::*;
use rand_core::OsRng;

use super::*;

const HERE: &[u8] = b"this channel";

fn both() -> &'static Passwords {
    static BOTH: OnceLock<Passwords> = OnceLock::new();
    BOTH.get_or_init(|| Passwords::new(Some("steer"), Some("watch"), &mut OsRng).unwrap())
}

fn log_in(passwords: &Passwords, password: &str) -> Result<Granted, LoginError> {
    let (client, request) = ClientLogin::start(password, &mut OsRng)?;
    let (server, response) = ServerLogin::start(passwords, &request, HERE, &mut OsRng)?;
    let proof = client.finish(&response, HERE, &mut OsRng)?;
    server.finish(&proof)
}

#[test]
fn each_password_gives_its_permission() {
    assert_eq!(log_in(both(), "steer"), Ok(Granted::Operator));
    assert_eq!(log_in(both(), "watch"), Ok(Granted::Observer));
    assert_eq!(log_in(both(), "Steer"), Err(LoginError::WrongPassword));
}

#[test]
fn a_password_that_is_not_set_lets_nobody_in_and_is_not_told() {
    let operators = Passwords::new(Some("steer"), None, &mut OsRng).unwrap();
    assert_eq!(log_in(&operators, "steer"), Ok(Granted::Operator));
    assert_eq!(log_in(&operators, "watch"), Err(LoginError::WrongPassword));
    let observers = Passwords::new(None, Some("watch"), &mut OsRng).unwrap();
    assert_eq!(log_in(&observers, "watch"), Ok(Granted::Observer));
    assert_eq!(log_in(&observers, "steer"), Err(LoginError::WrongPassword));
    let neither = Passwords::new(None, None, &mut OsRng).unwrap();
    assert!(neither.is_open() && !observers.is_open());
    assert_eq!(log_in(&neither, "steer"), Err(LoginError::WrongPassword));
}

#[test]
fn messages_have_their_exact_sizes_and_the_same_parts_for_the_same_request() {
    let (client, request) = ClientLogin::start("steer", &mut OsRng).unwrap();
    assert_eq!(request.len(), REQUEST_BYTES);
    let operators = Passwords::new(Some("steer"), None, &mut OsRng).unwrap();
    for passwords in [both(), &operators] {
        let (_, response) = ServerLogin::start(passwords, &request, HERE, &mut OsRng).unwrap();
        assert_eq!(response.len(), RESPONSE_BYTES);
        let (_, again) = ServerLogin::start(passwords, &request, HERE, &mut OsRng).unwrap();
        // What is evaluated of the password stays the same for a real record and for none: asking twice tells nothing.
        for half in [0, RESPONSE_HALF_BYTES] {
            let evaluated = half..half + 32;
            assert_eq!(response.get(evaluated.clone()), again.get(evaluated));
        }
    }
    let (_, response) = ServerLogin::start(both(), &request, HERE, &mut OsRng).unwrap();
    let proof = client.finish(&response, HERE, &mut OsRng).unwrap();
    assert_eq!(proof.len(), PROOF_BYTES);
}

#[test]
fn somebody_between_two_channels_fails_with_the_right_password() {
    let (client, request) = ClientLogin::start("steer", &mut OsRng).unwrap();
    let (_, response) = ServerLogin::start(both(), &request, b"their channel", &mut OsRng).unwrap();
    let proof = client.finish(&response, HERE, &mut OsRng);
    assert_eq!(proof, Err(LoginError::WrongPassword));
}

#[test]
fn a_recorded_login_is_worth_nothing() {
    let (client, request) = ClientLogin::start("steer", &mut OsRng).unwrap();
    let (server, response) = ServerLogin::start(both(), &request, HERE, &mut OsRng).unwrap();
    let proof = client.finish(&response, HERE, &mut OsRng).unwrap();
    assert_eq!(server.finish(&proof), Ok(Granted::Operator));

    let (server, _) = ServerLogin::start(both(), &request, HERE, &mut OsRng).unwrap();
    assert_eq!(server.finish(&proof), Err(LoginError::WrongPassword));
}

#[test]
fn a_server_that_does_not_know_the_password_cannot_pose_as_one_that_does() {
    let stranger = Passwords::new(Some("guess"), None, &mut OsRng).unwrap();
    assert_eq!(log_in(&stranger, "steer"), Err(LoginError::WrongPassword));
}

#[test]
fn no_proof_proves_nothing() {
    let (_, request) = ClientLogin::start("steer", &mut OsRng).unwrap();
    let (server, _) = ServerLogin::start(both(), &request, HERE, &mut OsRng).unwrap();
    assert_eq!(server.finish(&NO_PROOF), Err(LoginError::WrongPassword));
}

#[test]
fn other_sizes_are_told_with_the_right_one() {
    let short = ServerLogin::start(both(), &[0; 95], HERE, &mut OsRng);
    assert_eq!(
        short.unwrap_err().to_string(),
        "request to log in of 95 bytes came where 96 are right"
    );
    let (_, request) = ClientLogin::start("steer", &mut OsRng).unwrap();
    let (server, _) = ServerLogin::start(both(), &request, HERE, &mut OsRng).unwrap();
    assert!(matches!(
        server.finish(&[0; 65]),
        Err(LoginError::Size { got: 65, .. })
    ));
    let (client, _) = ClientLogin::start("steer", &mut OsRng).unwrap();
    let none = client.finish(&[], HERE, &mut OsRng);
    assert!(matches!(none, Err(LoginError::Size { got: 0, .. })));
}

#[test]
fn a_request_back_as_a_response_is_no_response() {
    let (client, request) = ClientLogin::start("steer", &mut OsRng).unwrap();
    let mut reflected = request.repeat(7);
    reflected.truncate(RESPONSE_BYTES);
    reflected.resize(RESPONSE_BYTES, 0);
    assert!(client.finish(&reflected, HERE, &mut OsRng).is_err());
}

#[test]
fn an_empty_password_cannot_be_used() {
    assert_eq!(
        ClientLogin::start("", &mut OsRng).unwrap_err(),
        LoginError::Unusable
    );
    let empty = Passwords::new(Some(""), None, &mut OsRng);
    assert_eq!(empty.unwrap_err(), LoginError::Unusable);
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let (client, request) = ClientLogin::start("steer", &mut OsRng).unwrap();
    let (server, _) = ServerLogin::start(both(), &request, HERE, &mut OsRng).unwrap();
    assert_eq!(
        format!("{:?} {client:?} {server:?}", both()),
        "Passwords(*) ClientLogin(*) ServerLogin(*)"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn garbage_never_panics_and_lets_nobody_in(
        request in prop::collection::vec(any::<u8>(), REQUEST_BYTES),
        response in prop::collection::vec(any::<u8>(), RESPONSE_BYTES),
        proof in prop::collection::vec(any::<u8>(), PROOF_BYTES),
    ) {
        let _ = ServerLogin::start(both(), &request, HERE, &mut OsRng);
        let (client, request) = ClientLogin::start("steer", &mut OsRng).unwrap();
        prop_assert!(client.finish(&response, HERE, &mut OsRng).is_err());
        let (server, _) = ServerLogin::start(both(), &request, HERE, &mut OsRng).unwrap();
        prop_assert_eq!(server.finish(&proof), Err(LoginError::WrongPassword));
    }

    #[test]
    fn one_flipped_bit_of_a_message_is_noticed(at in 0..RESPONSE_HALF_BYTES, bit in 0..8u32) {
        let operators = both();
        let (client, request) = ClientLogin::start("steer", &mut OsRng).unwrap();
        let (_, mut response) = ServerLogin::start(operators, &request, HERE, &mut OsRng).unwrap();
        if let Some(byte) = response.get_mut(at) {
            *byte ^= 1 << bit;
        }
        prop_assert!(client.finish(&response, HERE, &mut OsRng).is_err());
    }
}
