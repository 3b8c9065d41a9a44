//! Where virtual addresses lie: `!pte` and `!vtop`.

use super::super::debugger::Debugger;
use super::super::fault::Fault;
use super::arguments;
use crate::code::translate::{self, Paging};
use crate::proto::kd::{Architecture, kdbg, special};

/// The bit of the kernel's block that says 32-bit page tables have 64-bit entries.
const PAE: u64 = 1;
/// The bit of control register 4 that says the same.
const CR4_PAE: u64 = 1 << 5;

/// `!pte`: how the processor translates an address.
pub async fn translate(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (address, rest) = arguments::address(debugger, rest).await?;
    arguments::end(rest)?;
    let (paging, root) = tables(debugger).await?;
    let base = debugger.known.kernel_field(kdbg::PTE_BASE);
    let lines = debugger
        .look_at_physical(|known| {
            let translation = translate::translate(&known.physical, paging, root, address)?;
            Ok::<_, crate::code::memory::Fault>(translate::pte(&translation, paging, base))
        })
        .await?;
    Ok(lines.join("\n"))
}

/// `!vtop`: how an address is translated in the address space whose tables are at DIRECTORY; 0 is the present one.
pub async fn translate_other(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (directory, rest) = arguments::value(debugger, rest).await?;
    if rest.is_empty() {
        return Err("!vtop wants two numbers: the page directory, or 0 for the present one, and the address".into());
    }
    let (address, rest) = arguments::address(debugger, rest).await?;
    arguments::end(rest)?;
    let (paging, present) = tables(debugger).await?;
    let root = if directory == 0 { present } else { directory };
    let lines = debugger
        .look_at_physical(|known| {
            let translation = translate::translate(&known.physical, paging, root, address)?;
            Ok::<_, crate::code::memory::Fault>(translate::vtop(&translation, root))
        })
        .await?;
    Ok(lines.join("\n"))
}

/// How the processor that is looked at translates, and where its tables are.
async fn tables(debugger: &mut Debugger<'_>) -> Result<(Paging, u64), Fault> {
    let architecture = debugger.known.architecture;
    if architecture == Architecture::Arm64 {
        return Err("the page tables of ARM64 are not known here".into());
    }
    let bytes = debugger.special(debugger.known.processor).await?;
    let get = |name| special::get(architecture, &bytes, name);
    let root = get("cr3").ok_or(Fault::Nonsense("no control register 3 among the registers"))?;
    let mut cr4 = get("cr4").unwrap_or_default();
    let says_pae = debugger.known.kernel_field(kdbg::PAE_ENABLED);
    if says_pae.is_some_and(|flags| flags & PAE != 0) {
        cr4 |= CR4_PAE;
    }
    Ok((Paging::of(cr4, architecture == Architecture::Amd64), root))
}
