//! Addresses: `@web01`, `@rack-a`, `@all`, `@web*`, several joined with commas.

use std::sync::Arc;

use super::Target;

/// Which targets somebody means. Written without the `@`: names, groups, `all`, globs (`*`, `?`), joined by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<String>,
}

impl Pattern {
    /// Reads what stands behind an `@`. `None` if it is empty.
    pub fn new(text: &str) -> Option<Self> {
        let parts: Vec<String> = text
            .split(',')
            .filter(|part| !part.is_empty())
            .map(String::from)
            .collect();
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// The one name or group that it consists of, if it is not a list and not a glob.
    pub fn single(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [part] if !is_glob(part) => Some(part),
            _ => None,
        }
    }

    /// Whether it means that target: by name, by group, or by a glob of either.
    pub fn matches(&self, target: &Target) -> bool {
        self.parts.iter().any(|part| part_matches(part, target))
    }

    /// The first part that means none of these targets.
    pub fn unmatched(&self, targets: &[Arc<Target>]) -> Option<&str> {
        let means_none = |part: &&String| !targets.iter().any(|target| part_matches(part, target));
        self.parts.iter().find(means_none).map(String::as_str)
    }
}

fn part_matches(part: &str, target: &Target) -> bool {
    let mut names = std::iter::once(&target.name).chain(&target.groups);
    match part {
        "all" | "*" => true,
        glob if is_glob(glob) => names.any(|name| glob_matches(glob.as_bytes(), name.as_bytes())),
        exact => names.any(|name| name == exact),
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "@{}", self.parts.join(","))
    }
}

fn is_glob(part: &str) -> bool {
    part.contains(['*', '?'])
}

/// Whether `text` matches `glob`, in time linear in their product: one place to come back to is enough for `*`.
fn glob_matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut g, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match glob.get(g) {
            Some(b'*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(c) if *c == b'?' || text.get(t) == Some(c) => {
                g += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    g = at + 1;
                    t = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    glob.get(g..)
        .is_none_or(|rest| rest.iter().all(|c| *c == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_a_shell() {
        for (glob, text, want) in [
            ("web*", "web01", true),
            ("web*", "db01", false),
            ("*01", "web01", true),
            ("w?b01", "web01", true),
            ("w?b01", "wb01", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*", "", true),
        ] {
            assert_eq!(
                glob_matches(glob.as_bytes(), text.as_bytes()),
                want,
                "{glob} {text}"
            );
        }
    }

    #[test]
    fn an_empty_address_means_nobody() {
        assert_eq!(Pattern::new(""), None);
        assert_eq!(Pattern::new(","), None);
        assert_eq!(Pattern::new("a,b*").unwrap().to_string(), "@a,b*");
    }
}
