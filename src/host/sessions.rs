//! A host's sessions: its servers, what belongs to them, and what is recorded of everybody.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::runtime::Handle;

use super::Host;
use crate::config::secrets::secrets;
use crate::config::{Places, Sessions};
use crate::connect::ServerString;
use crate::deck::Severity;
use crate::rack::Target;
use crate::session::audit::Audit;
use crate::session::door::Refusal;
use crate::session::people::{Change, Person, Seated};
use crate::session::server::ServerEntry;
use crate::session::transport::Trust;
use crate::session::{Allowed, Author, Permission};
use crate::transcript::safe;

/// Characters of the longest reason for which somebody is put out; what is longer is cut.
const REASON_CHARS_MAX: usize = 200;

impl Host {
    /// Opens a server, so that others can join. Returns the text that debuggers print then; the password is in it, this
    /// once, if one was made: it is for whoever asked, not for everybody.
    ///
    /// # Errors
    /// In words: the string, why it cannot be opened, what helps.
    pub async fn open_server(self: &Arc<Self>, string: ServerString) -> Result<String, String> {
        self.servers.open(self, string).await
    }

    /// Opens the servers of the configuration and of the command line, one after the other. What came of each.
    pub async fn open_configured(self: &Arc<Self>) -> Vec<(ServerString, Result<String, String>)> {
        let strings = self.seats().config().servers.clone();
        let mut opened = Vec::with_capacity(strings.len());
        for string in strings {
            let result = self.open_server(string.clone()).await;
            opened.push((string, result));
        }
        opened
    }

    /// The servers through which people join.
    pub fn servers(&self) -> Vec<ServerEntry> {
        self.servers.list_entries()
    }

    /// Ends a server: nobody new comes in; who is here stays, unless `disconnect` cuts them. Tells what debuggers tell.
    ///
    /// # Errors
    /// When there is no server of that number.
    pub fn end_server(&self, id: u32, disconnect: bool) -> Result<String, String> {
        self.servers.end(self, id, disconnect)
    }

    /// A server has ended and its last client has left.
    pub(crate) fn server_gone(&self, id: u32) {
        self.servers.gone(self, id);
    }

    /// The list of servers is another one: those who look for servers are told.
    pub(crate) fn servers_changed(&self) {
        let (strings, network) = self.servers.found();
        let news = self.news.clone();
        let problem = self.directory.publish(
            &self.places,
            &strings,
            network,
            self.sessions().directory,
            |task| {
                self.spawn(task);
            },
            move |text| news.notice(Severity::Warning, text),
        );
        if let Err(problem) = problem {
            self.news.notice(Severity::Warning, problem);
        }
    }

    /// Puts somebody out.
    ///
    /// # Errors
    /// When they are not here, or sit at the host itself.
    pub fn kick(&self, author: &Author, name: &str, reason: &str) -> Result<String, String> {
        let Some(person) = self.people.named(name) else {
            return Err(format!("nobody here is called {name}; .who tells who is"));
        };
        if person.seated == Seated::Console {
            return Err(format!("{} sits at the host itself", person.name));
        }
        // Who attached to it is its owner, too.
        if person.permission > author.permission {
            return Err(format!("{} is the owner of this host", person.name));
        }
        // It is shown wherever somebody sees who left.
        let reason = safe::plain(reason.as_bytes());
        let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
        let told = match reason.as_str() {
            "" => format!("put out by {}", author.name),
            reason => format!("put out by {}: {reason}", author.name),
        };
        if self.people.put_out(|one| one.id == person.id, &told) == 0 {
            return Err(format!("{} is leaving already", person.name));
        }
        Ok(format!("{} is put out", person.name))
    }

    /// What the configuration says of servers.
    pub fn sessions(&self) -> Sessions {
        self.seats().config().sessions
    }

    /// What operators may do to this machine.
    pub fn allowed(&self) -> Allowed {
        self.sessions().allow
    }

    /// Every path in use.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// From now on nobody runs programs with `.shell`, as long as this process runs.
    pub fn forbid_shell(&self) {
        self.no_shell.store(true, Ordering::Relaxed);
    }

    /// Whether `.shell` was forbidden.
    pub fn is_shell_forbidden(&self) -> bool {
        self.no_shell.load(Ordering::Relaxed)
    }

    /// Certificates and what is known of those of others; read when they are first needed.
    ///
    /// # Errors
    /// In words, with the file.
    pub async fn trust(&self) -> Result<Arc<Trust>, String> {
        let opened = self.trust.get_or_try_init(|| async {
            let settings = self.seats().config().transport.clone();
            let places = self.places.clone();
            let opened = tokio::task::spawn_blocking(move || Trust::open(&places, settings)).await;
            let opened = opened.map_err(|_| "this host is ending".to_owned())?;
            opened.map(Arc::new)
        });
        opened.await.cloned()
    }

    /// Begins the audit log, if it is not there yet: a host that nobody joins has none.
    ///
    /// # Errors
    /// In words: it cannot be written.
    pub(crate) fn open_audit(&self) -> Result<(), String> {
        if self.audit.get().is_some() {
            return Ok(());
        }
        self.places
            .make_state_dir()
            .map_err(|error| error.to_string())?;
        let news = self.news.clone();
        let complain = move |text| news.notice(Severity::Error, text);
        let audit = Audit::open(&self.places.state_dir, complain)?;
        if self.audit.set(audit).is_err() {
            // Another server was first, and has recorded who is here.
            return Ok(());
        }
        for person in self.people.all() {
            self.audit_person(&person, &Change::Joined);
        }
        Ok(())
    }

    /// Records something, once there is an audit log.
    pub(crate) fn audit(&self, what: &'static str, fields: &[(&'static str, &str)]) {
        if let Some(audit) = self.audit.get() {
            audit.record(what, fields);
        }
    }

    /// Records a line that somebody typed and that is carried out by the host itself, without the secrets in it; or that
    /// it was refused.
    pub(crate) fn audit_line(&self, author: &Author, line: &str, refused: Option<&str>) {
        if self.audit.get().is_none() {
            return;
        }
        let text = without_secrets(line);
        let mut fields = vec![("person", author.name.as_str()), ("text", &text)];
        fields.extend(refused.map(|reason| ("because", reason)));
        self.audit(refused.map_or("command", |_| "command-refused"), &fields);
    }

    /// Tells everybody what a guest had the host carry out, without the secrets in it.
    pub(crate) fn announce(&self, author: &Author, line: &str) {
        let text = format!("{} typed {}", author.name, without_secrets(line));
        self.news.notice(Severity::Info, text);
    }

    /// Somebody does something.
    pub(crate) fn acts(&self, author: &Author) {
        let person = author.person.or_else(|| self.me().map(|me| me.id));
        if let Some(id) = person {
            self.people.active(id);
        }
    }

    /// Whether somebody sits elsewhere than at this process itself.
    pub(crate) fn is_guest(&self, author: &Author) -> bool {
        author.person.is_some() && author.person != self.me().map(|me| me.id)
    }

    /// Records what somebody asks a target for, as it stands in the target's history.
    pub(super) fn audit_request(&self, author: &Author, target: &Target, shown: &str) {
        if self.audit.get().is_none() {
            return;
        }
        let text = without_secrets(shown);
        let who = [("person", author.name.as_str()), ("target", &target.name)];
        let [person, target] = who;
        self.audit("command", &[person, target, ("text", &text)]);
    }

    /// Records who was not let in.
    pub(crate) fn audit_refusal(&self, server: u32, refusal: &Refusal) {
        let client = refusal.client.as_ref();
        let (server, from) = (server.to_string(), refusal.caller.to_string());
        let mut fields = vec![
            ("server", server.as_str()),
            ("from", &from),
            ("why", refusal.kind.word()),
            ("because", &refusal.text),
        ];
        if let Some(client) = client {
            fields.push(("said-person", &client.person));
            fields.push(("said-machine", &client.machine));
            fields.push(("said-account", &client.account));
        }
        self.audit("refused", &fields);
    }

    /// Records who came, went, or changed.
    pub(super) fn audit_person(&self, person: &Person, change: &Change) {
        let server = person.server.map(|server| server.to_string());
        let mut fields = vec![("person", person.name.as_str())];
        match change {
            Change::Joined => {
                let from = match person.origin.as_str() {
                    "" => "the host itself",
                    origin => origin,
                };
                fields.push(("permission", person.permission.word()));
                fields.push(("from", from));
                fields.push(("account", &person.account));
                fields.extend(server.as_deref().map(|server| ("server", server)));
            }
            Change::Left(why) => fields.push(("because", why)),
            Change::Renamed(was) => fields.push(("was", was)),
            Change::Away | Change::Back => {}
        }
        self.audit(change.word(), &fields);
    }

    /// Runs a task that the end of the host waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_on(task, &self.runtime);
    }

    /// The same on other threads than those that read targets.
    pub(crate) fn spawn_on(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
        runtime: &Handle,
    ) {
        self.tasks.spawn_on(task, runtime);
    }
}

/// The least somebody has to be to do what only the owner may, unless the configuration allows it.
pub(crate) fn may(author: &Author, allowed: bool) -> bool {
    author.permission == Permission::Owner || (allowed && author.permission >= Permission::Operator)
}

/// A line with stars for the passwords and keys in it.
fn without_secrets(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut done = 0;
    for secret in secrets(line) {
        shown.push_str(line.get(done..secret.start).unwrap_or_default());
        shown.push('*');
        done = secret.end;
    }
    shown.push_str(line.get(done..).unwrap_or_default());
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_get_into_records() {
        for (line, shown) in [
            (
                ".server tcp:port=5005,password=Lab12",
                ".server tcp:port=5005,password=*",
            ),
            (
                ".server tcp:viewpassword=w1,port=1",
                ".server tcp:viewpassword=*,port=1",
            ),
            (
                ".add net:port=50000,key=1.2.3.4,name=a",
                ".add net:port=50000,key=*,name=a",
            ),
            ("ls -l", "ls -l"),
        ] {
            assert_eq!(without_secrets(line), shown);
        }
    }

    #[test]
    fn what_is_the_owners_becomes_an_operators_if_it_is_allowed_and_never_an_observers() {
        let author = |permission| Author {
            person: None,
            name: "a".to_owned(),
            permission,
        };
        assert!(may(&author(Permission::Owner), false));
        assert!(!may(&author(Permission::Operator), false));
        assert!(may(&author(Permission::Operator), true));
        assert!(!may(&author(Permission::Observer), true));
    }
}
