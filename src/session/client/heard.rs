//! A client that hears any bytes at all from its server: for fuzzing alone.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::Instant;

use super::join::{Joining, Visitor, Way};
use super::pull::Window;
use super::run::Runner;
use super::{Client, Interest};
use crate::config::Places;
use crate::deck::News;
use crate::proto::session::frame::{Decoder, SERVER_BYTES_MAX};
use crate::proto::session::message::Welcome;
use crate::session::transport::Settings;

/// A client that was welcomed with `welcome` and then got these pieces, up to the first that ends its line.
#[must_use]
pub fn heard<'a>(welcome: &Welcome, pieces: impl Iterator<Item = &'a [u8]>) -> Arc<Client> {
    let nowhere = Some(PathBuf::from("/nonexistent"));
    let places = Places::find_in(|_: &str| None, nowhere.clone(), &PathBuf::new(), None)
        .expect("there is a home directory");
    let joining = Joining {
        way: Way::Host("0".to_owned()),
        interest: Interest::All,
        visitor: Visitor::new("fuzz", places, Settings::default()),
    };
    let (client, asks) = Client::new(News::default(), &joining, welcome);
    let client = Arc::new(client);
    client.welcomed(welcome);
    let mut runner = Runner::new(client.clone(), joining, asks);
    let mut decoder = Decoder::new(SERVER_BYTES_MAX);
    let (mut window, mut followed) = (Window::new(Instant::now()), Default::default());
    for piece in pieces {
        let mut out = Vec::new();
        runner.follow(&mut followed, &mut out);
        let taken = runner.take(piece, &mut decoder, &mut window, &mut followed);
        if taken.is_err() {
            break;
        }
    }
    client
}
