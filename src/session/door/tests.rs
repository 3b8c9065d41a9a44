//! Both ends over a pipe in memory, in a time that jumps.

mod hostile;
mod joining;
mod secured;

use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use super::*;

const HERE: &[u8] = b"this channel";

/// Room of a pipe in one direction: less than the login needs, as in a real socket under pressure.
const PIPE_BYTES: usize = 64;

fn passwords(operator: Option<&str>, observer: Option<&str>) -> Passwords {
    Passwords::new(operator, observer, &mut OsRng).unwrap()
}

fn door() -> Door {
    Door::new(passwords(Some("steer"), Some("watch")), Guard::new())
}

fn open_door() -> Door {
    Door::new(passwords(None, None), Guard::new())
}

fn caller(last: u8) -> Caller {
    Caller {
        transport: "tcp",
        address: format!("10.0.0.{last}:51733"),
        ip: Some(IpAddr::from([10, 0, 0, last])),
    }
}

fn alice() -> ClientHello {
    ClientHello {
        person: "alice".to_owned(),
        machine: "BOX18".to_owned(),
        account: "al".to_owned(),
        ..ClientHello::default()
    }
}

type Admission = JoinHandle<Result<Admitted<DuplexStream>, Refusal>>;

/// A server that admits whoever is at the other end of the stream returned.
fn serve(door: &Door) -> (DuplexStream, Admission) {
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    let door = door.clone();
    let admission = tokio::spawn(async move { door.admit(ours, HERE, caller(18)).await });
    (theirs, admission)
}

/// Both ends of one try.
async fn join(
    door: &Door,
    greeting: ClientHello,
    password: Option<&str>,
) -> (
    Result<Admitted<DuplexStream>, Refusal>,
    Result<Welcomed<DuplexStream>, KnockError>,
) {
    let (stream, admission) = serve(door);
    let welcomed = knock(stream, HERE, greeting, password, || Ok(())).await;
    (admission.await.unwrap(), welcomed)
}

async fn refusal(admission: Admission) -> Refusal {
    admission.await.unwrap().unwrap_err()
}
