//! Modules and their names: `lm`, `ln`, `x`.

use super::super::debugger::{Debugger, Phase};
use super::super::fault::Fault;
use super::super::machine::MayMiss as _;
use super::arguments;
use super::times;
use crate::code::machine::Machine;
use crate::code::memory::Memory;
use crate::code::modules::{Module, Naming};
use crate::code::names::matches;
use crate::code::pe::{Image, ImageError};
use crate::transcript::Time;

/// Names that one `x` shows: more is a pattern that says too little.
const NAMES_MAX: usize = 10_000;

/// What `lm` shows, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Wanted<'t> {
    is_verbose: bool,
    shows_file: bool,
    shows_path: bool,
    shows_time: bool,
    names_only: bool,
    by_name: bool,
    half: Option<Half>,
    status: Option<Status>,
    pattern: Option<&'t str>,
    address: Option<&'t str>,
}

/// Which half of the address space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Kernel,
    User,
}

/// What became of a module's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Loaded,
    Failed,
}

impl<'t> Wanted<'t> {
    /// What the letters right behind `lm` and the words behind them say: `lmvm nt`, `lm v m nt*`, `lm a ADDRESS`.
    fn parse(letters: &'t str, rest: &'t str) -> Result<Self, Fault> {
        let mut wanted = Self::default();
        let (mut word, mut rest) = (letters, rest);
        loop {
            let mut behind = word;
            while let Some(letter) = behind.chars().next() {
                let here = behind;
                behind = behind.get(letter.len_utf8()..).unwrap_or_default();
                let before_m = behind.strip_prefix('m');
                match (letter, before_m) {
                    ('1', Some(after)) => (wanted.names_only, behind) = (true, after),
                    ('s', Some(after)) => (wanted.by_name, behind) = (true, after),
                    ('v', _) => wanted.is_verbose = true,
                    ('n', _) => wanted.shows_file = true,
                    ('f', _) => wanted.shows_path = true,
                    ('t', _) => wanted.shows_time = true,
                    ('k', _) => wanted.half = Some(Half::Kernel),
                    ('u', _) => wanted.half = Some(Half::User),
                    ('l', _) => wanted.status = Some(Status::Loaded),
                    ('e', _) => wanted.status = Some(Status::Failed),
                    // Those that are loaded: there are no others here.
                    ('o', _) => {}
                    ('m', _) if behind.is_empty() && !rest.is_empty() => {
                        let (pattern, after) = arguments::word(rest);
                        (wanted.pattern, rest) = (Some(pattern), after);
                    }
                    ('a', _) if behind.is_empty() && !rest.is_empty() => {
                        wanted.address = Some(rest);
                        return Ok(wanted);
                    }
                    _ => return Err(arguments::syntax(here)),
                }
            }
            if rest.is_empty() {
                return Ok(wanted);
            }
            (word, rest) = arguments::word(rest);
        }
    }

    /// Whether a module is shown, as far as letters say so.
    fn takes(&self, machine: Machine, module: &Module) -> bool {
        let top_bit = if machine.is_64bit() { 63 } else { 31 };
        let half = match module.base >> top_bit & 1 {
            0 => Half::User,
            _ => Half::Kernel,
        };
        let status = match module.naming {
            Naming::Deferred => None,
            Naming::Exports(_) => Some(Status::Loaded),
            Naming::Nothing => Some(Status::Failed),
        };
        self.half.is_none_or(|wanted| wanted == half)
            && (self.status.is_none() || self.status == status)
            && self
                .pattern
                .is_none_or(|pattern| matches(pattern, &module.name))
    }

    fn line(&self, machine: Machine, module: &Module) -> String {
        if self.names_only {
            return module.name.clone();
        }
        let status = match module.naming {
            Naming::Deferred => "deferred",
            Naming::Exports(_) => "export symbols",
            Naming::Nothing => "no symbols",
        };
        let mut text = format!(
            "{} {}   {:<10} ({status})",
            machine.address(module.base),
            machine.address(module.end()),
            module.name
        );
        let mut more = Vec::new();
        if self.shows_file {
            more.push(file_of(module).to_owned());
        }
        if self.shows_path {
            more.push(module.path.clone());
        }
        if self.shows_time {
            more.push(stamp(module.timestamp));
        }
        if !more.is_empty() {
            text = format!("{text:<70} {}", more.join("  "));
        }
        text
    }
}

/// `lm`: the modules. Of a running target those that are known.
pub async fn list(debugger: &mut Debugger<'_>, name: &str, rest: &str) -> Result<String, Fault> {
    let wanted = Wanted::parse(name.get(2..).unwrap_or_default(), rest)?;
    let is_stopped = matches!(debugger.phase, Phase::Stopped(_));
    debugger.read_modules().await?;
    let address = match wanted.address {
        Some(text) => {
            let (address, rest) = arguments::address(debugger, text).await?;
            arguments::end(rest)?;
            Some(address)
        }
        None => None,
    };
    let machine = debugger.known.machine();
    let modules = debugger.known.modules.iter().filter(|module| {
        wanted.takes(machine, module) && address.is_none_or(|address| module.contains(address))
    });
    let mut modules: Vec<Module> = modules.cloned().collect();
    if wanted.by_name {
        modules.sort_by(|one, other| one.name.cmp(&other.name));
    }
    if wanted.shows_time && is_stopped {
        for module in &mut modules {
            module.timestamp = timestamp(debugger, module).await?;
        }
    }
    let mut lines = Vec::new();
    if !is_stopped {
        lines.push("the target runs: this is what is known of it".to_owned());
    }
    if !wanted.names_only {
        let (start, end) = ("start", "end");
        let width = machine.address(0).to_string().len();
        lines.push(format!("{start:width$} {end:width$}   module name"));
    }
    for module in &modules {
        lines.push(wanted.line(machine, module));
        if wanted.is_verbose {
            lines.extend(about(debugger, module, is_stopped).await?);
        }
    }
    Ok(lines.join("\n"))
}

/// When a module was built, as its image says; as it is known if that cannot be read.
async fn timestamp(debugger: &mut Debugger<'_>, module: &Module) -> Result<u32, Fault> {
    let base = module.base;
    let image = debugger
        .look(|view| Image::read(&view.known.memory, base))
        .await;
    match image {
        Ok(image) => Ok(image.timestamp),
        Err(Fault::Memory(_) | Fault::Image(_)) => Ok(module.timestamp),
        Err(fault) => Err(fault),
    }
}

/// The lines `lmv` shows below a module's.
async fn about(
    debugger: &mut Debugger<'_>,
    module: &Module,
    is_stopped: bool,
) -> Result<Vec<String>, Fault> {
    let mut facts = Facts {
        timestamp: module.timestamp,
        checksum: module.checksum,
        ..Facts::default()
    };
    if is_stopped {
        let base = module.base;
        let read = debugger
            .look(|view| Facts::read(&view.known.memory, base))
            .await;
        match read {
            Ok(read) => facts = read,
            // What is paged out, or damaged, is not known.
            Err(Fault::Memory(_) | Fault::Image(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    let mut lines = vec![
        format!("    Image path: {}", module.path),
        format!("    Image name: {}", file_of(module)),
        format!("    Timestamp:        {}", stamp(facts.timestamp)),
        format!("    CheckSum:         {:08X}", facts.checksum),
        format!("    ImageSize:        {:08X}", module.bytes),
    ];
    lines.extend(
        facts
            .version
            .map(|version| format!("    File version:     {version}")),
    );
    lines.extend(facts.pdb.map(|pdb| format!("    PDB:              {pdb}")));
    Ok(lines)
}

/// What an image says of itself.
#[derive(Debug, Default)]
struct Facts {
    timestamp: u32,
    checksum: u32,
    version: Option<String>,
    pdb: Option<String>,
}

impl Facts {
    fn read(memory: &dyn Memory, base: u64) -> Result<Self, ImageError> {
        let image = Image::read(memory, base)?;
        let pdb = if_there(image.pdb(memory))?;
        Ok(Self {
            timestamp: image.timestamp,
            checksum: image.checksum,
            version: if_there(image.version(memory))?.map(|version| version.to_string()),
            pdb: pdb.map(|pdb| format!("{}, {{{}}}, age {:x}", pdb.path, pdb.guid, pdb.age)),
        })
    }
}

/// A part of an image that cannot be read is one that is not there, unless it only has to be fetched.
fn if_there<T>(read: Result<Option<T>, ImageError>) -> Result<Option<T>, ImageError> {
    match read {
        Err(error) if error.missing().is_none() => Ok(None),
        read => read,
    }
}

fn file_of(module: &Module) -> &str {
    module.path.rsplit(['\\', '/']).next().unwrap_or_default()
}

/// The time stamp of an image. Reproducible builds have a hash there, which is a strange time.
fn stamp(timestamp: u32) -> String {
    if timestamp == 0 {
        return "unavailable (00000000)".to_owned();
    }
    let time = times::spoken(Time(i64::from(timestamp) * 1_000_000));
    format!("{time} ({timestamp:08X})")
}

/// `ln`: the names around an address.
pub async fn near(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    debugger.read_modules().await?;
    let machine = debugger.known.machine();
    let address = if rest.is_empty() {
        debugger.registers().await?.instruction()
    } else {
        let (address, rest) = arguments::address(debugger, rest).await?;
        arguments::end(rest)?;
        address
    };
    let lines = debugger
        .look(|view| Ok::<_, Fault>(view.names.ln(machine, address)))
        .await?;
    if lines.is_empty() {
        return Err(Fault::Words(format!(
            "no module lies at {}",
            machine.address(address)
        )));
    }
    Ok(lines.join("\n"))
}

/// `x`: the names that match a pattern.
pub async fn examine(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    if rest.is_empty() || rest.contains(' ') {
        return Err("x wants one pattern: x MODULE!NAME, in which * is anything".into());
    }
    debugger.read_modules().await?;
    let machine = debugger.known.machine();
    let mut lines = debugger
        .look(|view| Ok::<_, Fault>(view.names.x(machine, rest, NAMES_MAX)))
        .await?;
    if lines.is_empty() {
        return Err(Fault::Words(format!("Couldn't resolve 'x {rest}'")));
    }
    if lines.len() >= NAMES_MAX {
        lines.push(format!("{NAMES_MAX} names; the rest is left out"));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<'t>(letters: &'t str, rest: &'t str) -> Wanted<'t> {
        Wanted::parse(letters, rest).unwrap()
    }

    #[test]
    fn letters_may_stand_behind_lm_or_apart() {
        assert_eq!(parse("", ""), Wanted::default());
        for wanted in [
            parse("vm", "nt*"),
            parse("", "v m nt*"),
            parse("v", "m nt*"),
        ] {
            assert!(wanted.is_verbose);
            assert_eq!(wanted.pattern, Some("nt*"));
        }
        assert_eq!(parse("", "a nt + 10").address, Some("nt + 10"));
        assert!(parse("", "1m").names_only);
        assert!(parse("sm", "").by_name);
        for (letters, rest) in [("m", ""), ("x", ""), ("", "mydrv"), ("", "a")] {
            assert!(Wanted::parse(letters, rest).is_err(), "{letters} {rest}");
        }
    }

    #[test]
    fn a_line_has_the_columns_of_kd() {
        let module = Module::new(
            r"\SystemRoot\drivers\mydrv.sys",
            0xffff_f803_1120_0000,
            0xc000,
        );
        assert_eq!(
            parse("", "").line(Machine::Amd64, &module),
            "fffff803`11200000 fffff803`1120c000   mydrv      (deferred)"
        );
        assert!(
            parse("n", "")
                .line(Machine::Amd64, &module)
                .ends_with(" mydrv.sys")
        );
        assert_eq!(parse("1m", "").line(Machine::Amd64, &module), "mydrv");
    }
}
