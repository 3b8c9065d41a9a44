//! Joining a session before there is a screen: stages and questions on the terminal, if somebody sits there.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tokio::runtime::Runtime;

use crate::connect::Password;
use crate::deck::News;
use crate::session::client::{self, Client, JoinError, Joining, Way};

/// Joins, and asks for what is missing: a password, whether a certificate is to be trusted. Where nobody can be asked,
/// what is missing is the reason for the failure.
///
/// # Errors
/// Why the server was not joined.
pub fn join(
    mut joining: Joining,
    news: &News,
    runtime: &Runtime,
    may_ask: bool,
) -> Result<std::sync::Arc<Client>, String> {
    let asks = may_ask && io::stdin().is_terminal() && io::stderr().is_terminal();
    loop {
        let mut stage = |stage: &str| {
            if asks {
                eprintln!("{stage} ...");
            }
        };
        let tried = client::join(joining.clone(), news.clone(), runtime.handle(), &mut stage);
        match runtime.block_on(tried) {
            Ok(client) => return Ok(client),
            Err(JoinError::Password(error)) if asks => {
                let Way::Server(string) = &mut joining.way else {
                    return Err(error.to_string());
                };
                eprintln!("{error}");
                let typed = read_hidden("password: ").map_err(|error| error.to_string())?;
                if typed.is_empty() {
                    return Err("no password was given".to_owned());
                }
                let password = Password::new(&typed).map_err(String::from)?;
                string.password = Some(password);
            }
            Err(JoinError::UnknownCertificate {
                server,
                fingerprint,
            }) if asks => {
                eprintln!(
                    "The certificate of {server} is not known yet. Its fingerprint is\n  {fingerprint}\nCompare it with \
                     the one the server printed at its start."
                );
                if !yes("Trust it from now on? [y/N] ").map_err(|error| error.to_string())? {
                    return Err("the certificate was not trusted".to_owned());
                }
                joining.visitor.trust()?.pin(&server, &fingerprint)?;
            }
            Err(error) => return Err(error.told(&joining.way)),
        }
    }
}

fn yes(question: &str) -> io::Result<bool> {
    eprint!("{question}");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Reads a line that is not shown.
fn read_hidden(question: &str) -> io::Result<String> {
    eprint!("{question}");
    io::stderr().flush()?;
    let stdin = io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    eprintln!();
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
