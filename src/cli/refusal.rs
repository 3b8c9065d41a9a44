//! Command lines that are understood and contradict themselves: two roles at once, a question beside work.

use super::{Action, Cli};

/// Why an understood command line is refused. The program ends with status 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Refusal {
    #[error(
        "-server and -remote cannot be used together: a debugger is either a server, which holds \
         targets, or a client, which steers somebody else's. Start one of each instead"
    )]
    ServerAndClient,
    #[error(
        "-k and -remote cannot be used together: a client has no targets of its own, it steers those of its server"
    )]
    TargetsAndClient,
    #[error(
        "-noshell and -remote cannot be used together: .shell runs programs on the host, which says -noshell or .noshell \
         for all who are joined"
    )]
    NoShellAndClient,
    #[error("-QR stands alone: it lists the servers on a host, and starts nothing")]
    QueryAlone,
    #[error("-server opens servers of a console: it does not go with this command")]
    ServerAndCommand,
}

impl Cli {
    /// Why this cannot be done, if so. Ask after the connection strings have been found good.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match &self.action {
            _ if self.query.is_some() && self.remote.is_some() => Some(Refusal::QueryAlone),
            _ if self.remote.is_some() && !self.console.servers.is_empty() => {
                Some(Refusal::ServerAndClient)
            }
            _ if self.remote.is_some() && (!self.targets.is_empty() || self.action.is_some()) => {
                Some(Refusal::TargetsAndClient)
            }
            Some(Action::Attach { .. }) if self.console.noshell => Some(Refusal::NoShellAndClient),
            _ if self.remote.is_some() && self.console.noshell => Some(Refusal::NoShellAndClient),
            Some(_) if self.query.is_some() => Some(Refusal::QueryAlone),
            _ if self.query.is_some()
                && !(self.targets.is_empty() && self.console.servers.is_empty()) =>
            {
                Some(Refusal::QueryAlone)
            }
            Some(Action::Demo(_)) | None => None,
            Some(_) if !self.console.servers.is_empty() => Some(Refusal::ServerAndCommand),
            _ => None,
        }
    }
}
