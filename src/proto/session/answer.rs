//! What a server answers somebody at its door: one byte that tells which answer it is, and what belongs to it.
//!
//! A reason given to a stranger is short: what the server knows of them is for its own audit log.

/// Longest reason. Bytes.
pub const REASON_BYTES_MAX: usize = 200;

/// What a proved password gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// To see and to chat.
    Observer,
    /// To type to targets, too.
    Operator,
}

/// A server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The response to a request to log in.
    Response(Vec<u8>),
    /// Come in; messages follow.
    LetIn(Granted),
    /// The password proved neither operator nor observer.
    WrongPassword,
    /// Not now, or not at all; the reason in words. It is as the server wrote it: clean it before showing it.
    Refused(String),
}

/// What came is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Nothing at all.
    #[error("an empty frame came instead of an answer")]
    Empty,
    /// An answer of another kind than those known here.
    #[error("an answer of the unknown kind {0:#04x} came")]
    Kind(u8),
    /// Something is wrong with what belongs to the answer.
    #[error("a malformed answer of kind {0:#04x} came")]
    Malformed(u8),
}

impl Answer {
    /// The body of the frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (kind, rest): (u8, &[u8]) = match self {
            Self::Response(response) => (RESPONSE, response),
            Self::LetIn(Granted::Observer) => (LET_IN, &[OBSERVER]),
            Self::LetIn(Granted::Operator) => (LET_IN, &[OPERATOR]),
            Self::WrongPassword => (WRONG_PASSWORD, &[]),
            Self::Refused(reason) => {
                let end = reason.floor_char_boundary(REASON_BYTES_MAX);
                (REFUSED, reason.as_bytes().split_at(end.min(reason.len())).0)
            }
        };
        [&[kind], rest].concat()
    }

    /// The answer in a frame's body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(body: &[u8]) -> Result<Self, AnswerError> {
        let (&kind, rest) = body.split_first().ok_or(AnswerError::Empty)?;
        match (kind, rest) {
            (RESPONSE, response) => Ok(Self::Response(response.to_vec())),
            (LET_IN, [OBSERVER]) => Ok(Self::LetIn(Granted::Observer)),
            (LET_IN, [OPERATOR]) => Ok(Self::LetIn(Granted::Operator)),
            (WRONG_PASSWORD, []) => Ok(Self::WrongPassword),
            (REFUSED, reason) if reason.len() <= REASON_BYTES_MAX => {
                Ok(Self::Refused(String::from_utf8_lossy(reason).into_owned()))
            }
            (LET_IN | WRONG_PASSWORD | REFUSED, _) => Err(AnswerError::Malformed(kind)),
            _ => Err(AnswerError::Kind(kind)),
        }
    }
}

const RESPONSE: u8 = 1;
const LET_IN: u8 = 2;
const WRONG_PASSWORD: u8 = 3;
const REFUSED: u8 = 4;

const OBSERVER: u8 = 0;
const OPERATOR: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_answers_do_not_change() {
        for (answer, bytes) in [
            (Answer::Response(vec![7, 8]), &[1, 7, 8][..]),
            (Answer::LetIn(Granted::Observer), &[2, 0]),
            (Answer::LetIn(Granted::Operator), &[2, 1]),
            (Answer::WrongPassword, &[3]),
            (Answer::Refused("full".into()), b"\x04full"),
        ] {
            assert_eq!(answer.encode(), bytes);
            assert_eq!(Answer::decode(bytes), Ok(answer));
        }
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        assert_eq!(Answer::decode(&[]), Err(AnswerError::Empty));
        assert_eq!(Answer::decode(&[9]), Err(AnswerError::Kind(9)));
        assert_eq!(Answer::decode(&[2, 2]), Err(AnswerError::Malformed(2)));
        assert_eq!(Answer::decode(&[3, 0]), Err(AnswerError::Malformed(3)));
        let long = [&[REFUSED][..], &[b'x'; REASON_BYTES_MAX + 1]].concat();
        assert_eq!(Answer::decode(&long), Err(AnswerError::Malformed(REFUSED)));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let body = Answer::Refused("ü".repeat(REASON_BYTES_MAX)).encode();
        let Ok(Answer::Refused(reason)) = Answer::decode(&body) else {
            panic!("{body:?}");
        };
        assert_eq!(reason, "ü".repeat(REASON_BYTES_MAX / 2));
    }
}
