//! `q`, `qq` and `qd`: words of debuggers that are about the session, and not for a target.
//!
//! Facts from "Controlling a remote debugging session" and "q, qq (Quit)" of Microsoft's debugger documentation, which
//! disagree about `q` at a client: here it ends nothing there, and says what does.

/// What such a word comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quitting {
    /// The session ends for everybody, as with `.qq`.
    Ends,
    /// Nothing ends; this is said.
    Explained(&'static str),
}

/// What the line means if it is one of these words, typed at a client or at the host itself while a text console was in
/// front or none. At a host a console takes them as its input; at a client they are never a slip of the keyboard away
/// from a target's input, nor from the end of somebody else's session.
#[must_use]
pub fn quitting(line: &str, client: bool, console: bool) -> Option<Quitting> {
    match line.trim() {
        _ if console && !client => None,
        "q" if client => Some(Quitting::Explained(Q)),
        "q" | "qq" => Some(Quitting::Ends),
        "qd" => Some(Quitting::Explained(QD)),
        _ => None,
    }
}

/// Whether the text is one of these words.
#[must_use]
pub fn is_word(text: &str) -> bool {
    matches!(text.trim(), "q" | "qq" | "qd")
}

/// What each of them does, in one line.
pub(super) const HELP: [(&str, &str); 3] = [
    (
        "q",
        "end the session, as qq does; at a client it ends nothing and says how to leave",
    ),
    (
        "qq",
        "end the session for everybody, and its host, as .qq does",
    ),
    ("qd", "ends nothing: tells what lets a target go"),
];

/// Said of such a word with an address in front.
pub(super) const ADDRESSED: &str =
    "q and qq end the session and not a target: say them without @; .disconnect lets a target go";

const Q: &str = "q ends nothing at a client: .remote_exit leaves, the session goes on; qq ends it for all; .send q is \
                 for the target";

const QD: &str = "qd lets go of a process, which debuggers of kernels have none of: .disconnect lets a target go, \
                  .remote_exit leaves a session, qq ends it for all";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_ends_a_session_at_its_host_and_nothing_at_a_client() {
        let (client, console) = (true, true);
        assert_eq!(quitting("q", !client, !console), Some(Quitting::Ends));
        assert_eq!(quitting(" qq ", !client, !console), Some(Quitting::Ends));
        for console in [console, !console] {
            assert_eq!(quitting("q", client, console), Some(Quitting::Explained(Q)));
            assert_eq!(quitting("qq", client, console), Some(Quitting::Ends));
            assert_eq!(
                quitting("qd", client, console),
                Some(Quitting::Explained(QD))
            );
        }
        for word in ["q", "qq", "qd"] {
            assert_eq!(quitting(word, !client, console), None, "{word}");
        }
        assert_eq!(quitting("q x", client, console), None);
    }
}
