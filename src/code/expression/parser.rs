//! Reads an expression and evaluates it on the way.

use super::operator::Operator;
use super::{DEPTH_MAX, ExpressionError, Registers, Scope};
use crate::code::memory::Fault;

pub struct Parser<'t, 's> {
    rest: &'t str,
    scope: &'s dyn Scope,
    depth: usize,
}

/// What the words before a value do to it.
#[derive(Clone, Copy)]
enum Function {
    /// Reads so many bytes of memory; 0 for a pointer.
    Read(usize),
    High,
    Low,
    Not,
}

const FUNCTIONS: [(&str, Function); 8] = [
    ("poi", Function::Read(0)),
    ("by", Function::Read(1)),
    ("wo", Function::Read(2)),
    ("dwo", Function::Read(4)),
    ("qwo", Function::Read(8)),
    ("hi", Function::High),
    ("low", Function::Low),
    ("not", Function::Not),
];

/// Bytes of characters in quotes that make a number.
const CHARACTER_BYTES_MAX: usize = 8;

type Value = Result<u64, ExpressionError>;

impl<'t, 's> Parser<'t, 's> {
    pub fn new(text: &'t str, scope: &'s dyn Scope) -> Self {
        let rest = text.trim_ascii();
        Self {
            rest,
            scope,
            depth: 0,
        }
    }

    /// What has not been read, without leading blanks.
    pub const fn rest(&self) -> &'t str {
        self.rest.trim_ascii_start()
    }

    pub fn expression(&mut self) -> Value {
        self.above(1)
    }

    /// Values joined by operators of at least a level.
    fn above(&mut self, level: u8) -> Value {
        let mut left = self.unary()?;
        while let Some((operator, length)) = Operator::at(self.rest())
            && operator.level() >= level
        {
            let at = self.rest();
            self.rest = at;
            self.advance(length);
            let right = self.above(operator.level() + 1)?;
            left = operator
                .apply(left, right)
                .ok_or_else(|| ExpressionError::DivideByZero(at.to_owned()))?;
        }
        Ok(left)
    }

    /// A value with what stands before it.
    fn unary(&mut self) -> Value {
        self.rest = self.rest();
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(ExpressionError::TooComplex(self.rest.to_owned()));
        }
        let value = match self.rest.bytes().next() {
            Some(b'+') => self.after_sign(std::convert::identity),
            Some(b'-') => self.after_sign(u64::wrapping_neg),
            Some(b'~') => self.after_sign(std::ops::Not::not),
            Some(b'!') => self.after_sign(|value| u64::from(value == 0)),
            Some(b'(') => self.parenthesis().map(|(value, _)| value),
            Some(b'0'..=b'9') => self.number(),
            Some(b'@') => self.forced(),
            Some(b'\'') => self.characters(),
            Some(b'$') => self.pseudo(),
            Some(b'.') => {
                self.advance(1);
                let here = self.scope.pseudo("ip").map_err(ExpressionError::Missing)?;
                here.ok_or_else(|| ExpressionError::Unresolved(format!(".{}", self.rest)))
            }
            _ => self.word(),
        };
        self.depth -= 1;
        value
    }

    fn after_sign(&mut self, apply: impl Fn(u64) -> u64) -> Value {
        self.advance(1);
        self.unary().map(apply)
    }

    /// A value in parentheses, and the text from the closing one on.
    fn parenthesis(&mut self) -> Result<(u64, &'t str), ExpressionError> {
        self.advance(1);
        let value = self.expression()?;
        let closing = self.rest();
        self.rest = closing
            .strip_prefix(')')
            .ok_or_else(|| ExpressionError::Syntax(closing.to_owned()))?;
        Ok((value, closing))
    }

    /// A word that begins with a digit.
    fn number(&mut self) -> Value {
        let at = self.rest;
        let length = at.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '`');
        let word = at.get(..length.unwrap_or(at.len())).unwrap_or(at);
        let prefix = word.get(..2).unwrap_or_default().to_ascii_lowercase();
        let prefixed = match prefix.as_str() {
            "0x" => Some(16),
            "0n" => Some(10),
            "0t" => Some(8),
            "0y" => Some(2),
            _ => None,
        };
        let (digits, radix) = match (prefixed, word.strip_suffix(['h', 'H'])) {
            (Some(radix), _) => (word.get(2..).unwrap_or_default(), radix),
            (None, Some(hexadecimal)) => (hexadecimal, 16),
            (None, None) => (word, self.scope.radix()),
        };
        let digits = digits.replace('`', "");
        if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
            return Err(ExpressionError::Syntax(at.to_owned()));
        }
        let value = u64::from_str_radix(&digits, radix);
        let value = value.map_err(|_| ExpressionError::Overflow(at.to_owned()))?;
        self.advance(word.len());
        Ok(self.extended(value))
    }

    /// Characters between single quotes, the first of them highest: `'a'`, `'MZ'`.
    fn characters(&mut self) -> Value {
        let at = self.rest;
        let inner = at.get(1..).and_then(|text| text.split_once('\''));
        let Some((inner, _)) = inner.filter(|(inner, _)| !inner.is_empty()) else {
            return Err(ExpressionError::Syntax(at.to_owned()));
        };
        if inner.len() > CHARACTER_BYTES_MAX {
            return Err(ExpressionError::Overflow(at.to_owned()));
        }
        self.advance(inner.len() + 2);
        Ok(inner
            .bytes()
            .fold(0, |value, byte| value << 8 | u64::from(byte)))
    }

    /// A register, or whatever else follows `@`.
    fn forced(&mut self) -> Value {
        let at = self.rest;
        self.advance(1);
        if self.rest.starts_with('$') {
            return self.pseudo();
        }
        let name = self.take_word();
        let value = self.scope.register(name).or_else(|| self.symbol(name));
        value.ok_or_else(|| ExpressionError::Unresolved(at.to_owned()))
    }

    fn pseudo(&mut self) -> Value {
        let at = self.rest;
        self.advance(1);
        let name = self.take_word();
        let value = self.scope.pseudo(name).map_err(ExpressionError::Missing)?;
        value.ok_or_else(|| ExpressionError::Unresolved(at.to_owned()))
    }

    /// A function, a number without a prefix, a register or a name.
    fn word(&mut self) -> Value {
        let at = self.rest;
        let word = self.take_word();
        if word.is_empty() || Operator::at(word).is_some() {
            return Err(ExpressionError::Syntax(at.to_owned()));
        }
        if let Some((_, function)) = FUNCTIONS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word))
        {
            return self.function(*function);
        }
        let radix = self.scope.radix();
        if word
            .chars()
            .all(|letter| letter.is_digit(radix) || letter == '`')
        {
            let digits = word.replace('`', "");
            let value = u64::from_str_radix(&digits, radix);
            let value = value.map_err(|_| ExpressionError::Overflow(at.to_owned()))?;
            return Ok(self.extended(value));
        }
        // A flag needs its `@`: `nt` is the kernel.
        let register = (!Registers::is_flag(word))
            .then(|| self.scope.register(word))
            .flatten();
        let value = register.or_else(|| self.symbol(word));
        value.ok_or_else(|| ExpressionError::Unresolved(at.to_owned()))
    }

    fn function(&mut self, function: Function) -> Value {
        let (value, after) = if self.rest().starts_with('(') {
            self.rest = self.rest();
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(ExpressionError::TooComplex(self.rest.to_owned()));
            }
            let inside = self.parenthesis()?;
            self.depth -= 1;
            inside
        } else {
            let value = self.unary()?;
            (value, self.rest())
        };
        let machine = self.scope.machine();
        match function {
            Function::High => Ok(value >> 16 & 0xffff),
            Function::Low => Ok(value & 0xffff),
            Function::Not => Ok(u64::from(value == 0)),
            Function::Read(bytes) => {
                let pointer = bytes == 0;
                let bytes = if pointer {
                    machine.pointer_bytes()
                } else {
                    bytes
                };
                match self.scope.memory().number(machine.canonical(value), bytes) {
                    Ok(number) if pointer => Ok(machine.canonical(number)),
                    Ok(number) => Ok(number),
                    Err(missing @ Fault::Missing { .. }) => Err(ExpressionError::Missing(missing)),
                    Err(Fault::Unreadable { .. }) => Err(ExpressionError::Memory(after.to_owned())),
                }
            }
        }
    }

    fn symbol(&self, word: &str) -> Option<u64> {
        match word.split_once('!') {
            Some((module, name)) => self.scope.symbol(Some(module), name),
            None => self.scope.symbol(None, word),
        }
    }

    /// Where addresses have 32 bits, a number of 32 bits is one of them.
    fn extended(&self, value: u64) -> u64 {
        if value >> 32 == 0 {
            self.scope.machine().canonical(value)
        } else {
            value
        }
    }

    /// A word of letters that names and numbers are made of. A `!` belongs to it unless it is the beginning of `!=`.
    fn take_word(&mut self) -> &'t str {
        let mut length = 0;
        let mut letters = self.rest.bytes().peekable();
        while let Some(letter) = letters.next() {
            let belongs = match letter {
                b'!' => letters.peek() != Some(&b'='),
                b'_' | b'$' | b'`' | b'@' | b'?' => true,
                b':' => {
                    letters.peek() == Some(&b':')
                        || self
                            .rest
                            .get(..length)
                            .is_some_and(|word| word.ends_with(':'))
                }
                _ => letter.is_ascii_alphanumeric(),
            };
            if !belongs {
                break;
            }
            length += 1;
        }
        let word = self.rest.get(..length).unwrap_or_default();
        self.advance(length);
        word
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}
