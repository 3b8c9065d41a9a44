//! A connection string on the way out: whole, or with its secrets hidden.

use super::password::Password;

/// The parts of a string, in the order they are written.
pub(super) struct Written {
    kind: &'static str,
    parts: Vec<Part>,
}

struct Part {
    option: &'static str,
    value: Option<String>,
    secret: bool,
}

impl Written {
    pub fn new(kind: &'static str) -> Self {
        Self {
            kind,
            parts: Vec::new(),
        }
    }

    pub fn flag(&mut self, option: &'static str, given: bool) -> &mut Self {
        if given {
            self.parts.push(Part {
                option,
                value: None,
                secret: false,
            });
        }
        self
    }

    pub fn value(&mut self, option: &'static str, value: impl ToString) -> &mut Self {
        self.parts.push(Part {
            option,
            value: Some(value.to_string()),
            secret: false,
        });
        self
    }

    /// Writes the option only if there is a value, for what has no default.
    pub fn some(&mut self, option: &'static str, value: Option<impl ToString>) -> &mut Self {
        if let Some(value) = value {
            self.value(option, value);
        }
        self
    }

    /// Writes the option only if it differs from its default.
    pub fn unless<T: PartialEq + ToString>(
        &mut self,
        option: &'static str,
        value: T,
        default: T,
    ) -> &mut Self {
        if value != default {
            self.value(option, value);
        }
        self
    }

    pub fn secret(&mut self, option: &'static str, value: impl ToString) -> &mut Self {
        self.parts.push(Part {
            option,
            value: Some(value.to_string()),
            secret: true,
        });
        self
    }

    /// Writes the password, if there is one; `none` is no secret.
    pub fn password(&mut self, password: Option<&Password>) -> &mut Self {
        match password.map(|password| (password, password.reveal())) {
            Some((_, Some(secret))) => self.secret("password", secret),
            Some((password, None)) => self.value("password", password.written()),
            None => self,
        }
    }

    /// As it is typed: reads back as the same value, secrets included.
    pub fn whole(&self) -> String {
        self.join(|option| option.to_owned(), false)
    }

    /// As it is typed, but with `*` for each secret.
    pub fn masked(&self) -> String {
        self.join(|option| option.to_owned(), true)
    }

    /// As debuggers list servers: names with capitals, `*` for each secret.
    pub fn listed(&self) -> String {
        self.join(capitalised, true)
    }

    /// As debuggers print it for clients to type: names with capitals, secrets included.
    pub fn pasted(&self) -> String {
        self.join(capitalised, false)
    }

    /// Only what follows the colon, as [`Written::whole`].
    pub fn options(&self) -> Vec<String> {
        self.parts
            .iter()
            .map(|part| part.join(str::to_owned, false))
            .collect()
    }

    fn join(&self, spell: impl Fn(&str) -> String, hide: bool) -> String {
        let parts: Vec<_> = self
            .parts
            .iter()
            .map(|part| part.join(&spell, hide))
            .collect();
        format!("{}:{}", self.kind, parts.join(","))
    }
}

impl Part {
    fn join(&self, spell: impl Fn(&str) -> String, hide: bool) -> String {
        let option = spell(self.option);
        match &self.value {
            None => option,
            Some(_) if self.secret && hide => format!("{option}=*"),
            Some(value) => format!("{option}={value}"),
        }
    }
}

fn capitalised(option: &str) -> String {
    match option {
        "viewpassword" => "ViewPassword".to_owned(),
        "certuser" => "CertUser".to_owned(),
        "machuser" => "MachUser".to_owned(),
        "ipversion" => "IpVersion".to_owned(),
        _ => {
            let (first, rest) = option.split_at(1);
            first.to_ascii_uppercase() + rest
        }
    }
}
