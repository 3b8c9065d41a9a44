use super::*;
use crate::deck;
use crate::session::client::Line;
use crate::session::people::{PersonId, Seated};
use crate::session::server::ServerEntry;
use crate::session::{Permission, Person};
use crate::transcript::Time;
use crate::ui::company::{Company, Joined};

fn server(id: u32, string: &str, clients: u32) -> ServerEntry {
    ServerEntry {
        id,
        string: string.to_owned(),
        join: format!("{string},Server=lab01"),
        clients,
        ending: false,
        open: string.starts_with("npipe"),
    }
}

fn person(id: u32, name: &str, permission: Permission, origin: &str) -> Person {
    Person {
        id: PersonId(id),
        name: name.to_owned(),
        permission,
        seated: Seated::Client,
        account: String::new(),
        origin: origin.to_owned(),
        server: None,
        since: Time(0),
        active: Time(0),
        away: id == 3,
    }
}

fn of_a_server() -> Company {
    Company {
        role: deck::Role::Server,
        servers: vec![
            server(0, "tcp:Port=5005,Password=*", 3),
            server(1, "npipe:Pipe=lab", 1),
        ],
        ..Company::default()
    }
}

pub(super) fn of_a_client() -> Company {
    let me = person(2, "kim", Permission::Operator, "tcp 10.0.0.18:51733");
    Company {
        role: deck::Role::Client,
        me: Some(me.clone()),
        people: vec![
            person(1, "alice", Permission::Owner, ""),
            me,
            person(3, "bob\x1b[2J", Permission::Observer, "npipe pid 7"),
        ],
        joined: Some(Joined {
            server: "tcp:Port=5005,Server=lab01,Password=*".to_owned(),
            line: Line::Up,
        }),
        servers: vec![server(0, "tcp:Port=5005,Password=*", 3)],
    }
}

pub(super) fn around(company: &Company, targets: usize) -> Around<'_> {
    Around {
        company,
        targets,
        leave: "^B",
    }
}

/// The switcher after these keys.
fn role(keys: &str, company: &Company) -> RoleSwitcher {
    let mut role = RoleSwitcher::new(company);
    press(keys, |key, keys| role.key(key, keys, company));
    role
}

#[test]
fn role_screen() {
    let company = Company::default();
    let role = role("home down down", &company);
    snapshot!(|area, buf, look| {
        role.draw(area, buf, look, around(&company, 0));
    });
}

#[test]
fn role_screen_of_a_server_with_targets() {
    let company = of_a_server();
    let role = role("home down down", &company);
    snapshot!(|area, buf, look| {
        role.draw(area, buf, look, around(&company, 100));
    });
}

#[test]
fn role_screen_while_a_server_is_typed() {
    let company = of_a_server();
    let role = role("n ctrl+u n e t : enter", &company);
    snapshot!(|area, buf, look| {
        role.draw(area, buf, look, around(&company, 2));
    });
}

#[test]
fn role_screen_of_a_client() {
    let company = of_a_client();
    let role = role("home down down", &company);
    snapshot!(|area, buf, look| {
        role.draw(area, buf, look, around(&company, 12));
    });
}

#[test]
fn the_switcher_wants_what_leads_to_the_chosen_role() {
    let wish = |keys: &str, company: &Company| {
        let mut role = RoleSwitcher::new(company);
        press(keys, |key, keys| role.key(key, keys, company))
    };
    let (host, server, client) = (Company::default(), of_a_server(), of_a_client());
    assert_eq!(wish("enter", &host), Outcome::Close);
    assert_eq!(wish("down down enter", &host), Outcome::Wish(Wish::Connect));
    assert_eq!(
        wish("down enter enter", &host),
        Outcome::Wish(Wish::NewServer("tcp:port=5005".to_owned()))
    );
    assert_eq!(wish("x", &host), Outcome::Ignored);
    assert_eq!(wish("x", &server), Outcome::Ignored, "which of them?");
    let end = |id, cut| Outcome::Wish(Wish::EndServer { id, cut });
    assert_eq!(wish("end x", &server), end(1, false));
    assert_eq!(wish("end up X", &server), end(0, true));
    assert_eq!(wish("enter", &server), Outcome::Close);
    assert_eq!(wish("home enter", &server), Outcome::Wish(Wish::EndServers));
    assert_eq!(wish("e", &server), Outcome::Wish(Wish::ClearWay));
    assert_eq!(wish("enter", &client), Outcome::Close);
    assert_eq!(wish("home enter", &client), Outcome::Wish(Wish::Leave));
    assert_eq!(wish("e", &client), Outcome::Ignored);
    assert_eq!(wish("n esc esc", &server), Outcome::Close);
}
