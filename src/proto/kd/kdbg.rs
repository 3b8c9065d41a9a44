//! The debugger data block: where a kernel keeps its variables, and how large its structures are.
//!
//! A version reply leads to a list whose first entry is the block. It only ever grows at its end, so a field is there
//! if the block is long enough. Offsets are from the block's start; from the packets of real targets and public
//! headers.

use super::field::u64_at;

/// The four bytes at [`TAG`] of each block.
pub const TAG_BYTES: [u8; 4] = *b"KDBG";
/// Bytes of links, tag and size in front of the fields.
pub const HEADER_BYTES: usize = 0x18;
/// Offset of the address of the next entry of the list.
pub const NEXT: usize = 0x00;
/// Offset of the tag.
pub const TAG: usize = 0x10;
/// Offset of the size of the whole block, four bytes.
pub const SIZE: usize = 0x14;
/// Largest block that is fetched. Bytes; those of today's kernels have less than half of it.
pub const BYTES_MAX: u32 = 0x800;

/// A field of the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Offset from the block's start.
    pub offset: usize,
    /// Its size: 2, 4 or 8 bytes.
    pub bytes: usize,
}

/// A debugger data block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block(Vec<u8>);

/// Why bytes are no block. The target is at fault, or has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Another tag.
    #[error("tag {0:02x?} instead of KDBG")]
    Tag([u8; 4]),
    /// Too short for a header, or an impossible size.
    #[error("debugger data block of {0} bytes")]
    Size(u32),
}

/// The size of the whole block that begins with `header`, at least [`HEADER_BYTES`] of it.
///
/// # Errors
/// [`BlockError`] if no block begins there.
pub fn size(header: &[u8]) -> Result<u32, BlockError> {
    let Some(header) = header.first_chunk::<HEADER_BYTES>() else {
        return Err(BlockError::Size(super::field::length(header)));
    };
    let [.., t0, t1, t2, t3, s0, s1, s2, s3] = *header;
    let tag = [t0, t1, t2, t3];
    if tag != TAG_BYTES {
        return Err(BlockError::Tag(tag));
    }
    let size = u32::from_le_bytes([s0, s1, s2, s3]);
    let least = HEADER_BYTES as u32;
    if (least..=BYTES_MAX).contains(&size) {
        Ok(size)
    } else {
        Err(BlockError::Size(size))
    }
}

impl Block {
    /// The block that `bytes` begin with; what follows it is dropped, what is missing has no fields.
    ///
    /// # Errors
    /// [`BlockError`] if no block begins there.
    pub fn new(mut bytes: Vec<u8>) -> Result<Self, BlockError> {
        let size = size(&bytes)?;
        bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Ok(Self(bytes))
    }

    /// The value of a field, zero-extended; `None` if the block ends before it.
    pub fn value(&self, field: Field) -> Option<u64> {
        let bytes = self.0.get(field.offset..field.offset + field.bytes)?;
        let mut value = [0; 8];
        value.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(u64::from_le_bytes(value))
    }

    /// The address of the next entry of the list.
    pub fn next(&self) -> u64 {
        u64_at(&self.0, NEXT)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

macro_rules! fields {
    ($($name:ident = $bytes:literal at $offset:literal, $text:literal;)*) => {
        $(#[doc = $text] pub const $name: Field = Field { offset: $offset, bytes: $bytes };)*

        /// All fields, for tests and listings.
        pub const FIELDS: &[(&str, Field)] = &[$((stringify!($name), $name),)*];
    };
}

fields! {
    KERN_BASE = 8 at 0x18, "Address of the kernel's image.";
    BREAKPOINT_WITH_STATUS = 8 at 0x20, "Address of the instruction that a break-in stops at.";
    PAE_ENABLED = 2 at 0x36, "Bit 0: 32-bit page tables have 64-bit entries.";
    KI_CALL_USER_MODE = 8 at 0x38, "Address of `KiCallUserMode`.";
    KE_USER_CALLBACK_DISPATCHER = 8 at 0x40, "Address of `KeUserCallbackDispatcher`.";
    PS_LOADED_MODULE_LIST = 8 at 0x48, "Address of `PsLoadedModuleList`.";
    PS_ACTIVE_PROCESS_HEAD = 8 at 0x50, "Address of `PsActiveProcessHead`.";
    PSP_CID_TABLE = 8 at 0x58, "Address of `PspCidTable`.";
    KE_TIME_INCREMENT = 8 at 0x78, "Address of `KeTimeIncrement`.";
    KE_BUGCHECK_CALLBACK_LIST_HEAD = 8 at 0x80, "Address of `KeBugCheckCallbackListHead`.";
    KI_BUGCHECK_DATA = 8 at 0x88, "Address of `KiBugcheckData`: code and four parameters.";
    OBP_ROOT_DIRECTORY_OBJECT = 8 at 0x98, "Address of `ObpRootDirectoryObject`.";
    MM_PFN_DATABASE = 8 at 0xC0, "Address of `MmPfnDatabase`.";
    PAGE_SIZE = 8 at 0x138, "Size of a page, the value itself.";
    MM_HIGHEST_USER_ADDRESS = 8 at 0x1C8, "Address of `MmHighestUserAddress`.";
    MM_SYSTEM_RANGE_START = 8 at 0x1D0, "Address of `MmSystemRangeStart`.";
    KD_PRINT_CIRCULAR_BUFFER = 8 at 0x1E0, "Address of the ring of printed text.";
    KD_PRINT_CIRCULAR_BUFFER_END = 8 at 0x1E8, "Address of the pointer to the ring's end.";
    KD_PRINT_WRITE_POINTER = 8 at 0x1F0, "Address of the pointer to where the next text goes.";
    KD_PRINT_ROLLOVER_COUNT = 8 at 0x1F8, "Address of the number of times the ring was full.";
    MM_LOADED_USER_IMAGE_LIST = 8 at 0x200, "Address of `MmLoadedUserImageList`.";
    NT_BUILD_LAB = 8 at 0x208, "Address of the text that names the build.";
    KI_PROCESSOR_BLOCK = 8 at 0x218, "Address of the array of processor control blocks.";
    MM_UNLOADED_DRIVERS = 8 at 0x220, "Address of `MmUnloadedDrivers`.";
    MM_LAST_UNLOADED_DRIVER = 8 at 0x228, "Address of `MmLastUnloadedDriver`.";
    MM_TOTAL_COMMIT_LIMIT_MAXIMUM = 8 at 0x260, "Address of `MmTotalCommitLimitMaximum`.";
    CM_NT_CSD_VERSION = 8 at 0x268, "Address of the service pack, in bits 8 to 15.";
    MM_PHYSICAL_MEMORY_BLOCK = 8 at 0x270, "Address of `MmPhysicalMemoryBlock`.";
    KTHREAD_NEXT_PROCESSOR = 2 at 0x298, "Offset in KTHREAD.";
    KTHREAD_TEB = 2 at 0x29A, "Offset in KTHREAD.";
    KTHREAD_KERNEL_STACK = 2 at 0x29C, "Offset in KTHREAD.";
    KTHREAD_INITIAL_STACK = 2 at 0x29E, "Offset in KTHREAD.";
    KTHREAD_APC_PROCESS = 2 at 0x2A0, "Offset in KTHREAD.";
    KTHREAD_STATE = 2 at 0x2A2, "Offset in KTHREAD.";
    EPROCESS_SIZE = 2 at 0x2A8, "Size of EPROCESS.";
    EPROCESS_PEB = 2 at 0x2AA, "Offset in EPROCESS.";
    EPROCESS_PARENT_ID = 2 at 0x2AC, "Offset in EPROCESS.";
    EPROCESS_DIRECTORY_TABLE_BASE = 2 at 0x2AE, "Offset in EPROCESS.";
    PRCB_SIZE = 2 at 0x2B0, "Size of the processor control block.";
    PRCB_DPC_ROUTINE = 2 at 0x2B2, "Offset in the processor control block.";
    PRCB_CURRENT_THREAD = 2 at 0x2B4, "Offset in the processor control block.";
    PRCB_MHZ = 2 at 0x2B6, "Offset in the processor control block.";
    PRCB_CPU_TYPE = 2 at 0x2B8, "Offset in the processor control block.";
    PRCB_VENDOR_STRING = 2 at 0x2BA, "Offset in the processor control block.";
    PRCB_PROCESSOR_STATE = 2 at 0x2BC, "Offset of the saved CONTEXT in the processor control block.";
    PRCB_NUMBER = 2 at 0x2BE, "Offset in the processor control block.";
    ETHREAD_SIZE = 2 at 0x2C0, "Size of ETHREAD.";
    KD_PRINT_CIRCULAR_BUFFER_PTR = 8 at 0x2C8, "Address of the pointer to the ring of printed text.";
    KD_PRINT_BUFFER_SIZE = 8 at 0x2D0, "Address of the size of the ring of printed text.";
    KE_LOADER_BLOCK = 8 at 0x2D8, "Address of `KeLoaderBlock`.";
    PCR_SIZE = 2 at 0x2E0, "Size of the processor control region.";
    PCR_SELF = 2 at 0x2E2, "Offset in the processor control region.";
    PCR_CURRENT_PRCB = 2 at 0x2E4, "Offset in the processor control region.";
    PCR_CONTAINED_PRCB = 2 at 0x2E6, "Offset in the processor control region.";
    PRCB_SPECIAL_REGISTERS = 2 at 0x2F2, "Offset of the special registers in the processor control block.";
    GDT_R0_CODE = 2 at 0x2F4, "Selector of kernel code.";
    GDT_R0_DATA = 2 at 0x2F6, "Selector of kernel data.";
    GDT_R0_PCR = 2 at 0x2F8, "Selector of the processor control region.";
    GDT_R3_CODE = 2 at 0x2FA, "Selector of user code.";
    GDT_R3_DATA = 2 at 0x2FC, "Selector of user data.";
    GDT_R3_TEB = 2 at 0x2FE, "Selector of the thread's block.";
    GDT_LDT = 2 at 0x300, "Selector of the local descriptor table.";
    GDT_TSS = 2 at 0x302, "Selector of the task state.";
    PRCB_CONTEXT_POINTER = 2 at 0x338, "Offset of the pointer to the CONTEXT in the processor control block.";
    KTHREAD_STACK_LIMIT = 4 at 0x340, "Offset in KTHREAD.";
    KTHREAD_STACK_BASE = 4 at 0x344, "Offset in KTHREAD.";
    PRCB_IDLE_THREAD = 2 at 0x350, "Offset in the processor control block.";
    PTE_BASE = 8 at 0x360, "Address the page tables are mapped at, the value itself.";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(size: u32) -> Vec<u8> {
        let mut bytes = vec![0; 0x380];
        bytes[TAG..TAG + 4].copy_from_slice(&TAG_BYTES);
        bytes[SIZE..SIZE + 4].copy_from_slice(&size.to_le_bytes());
        bytes
    }

    #[test]
    fn fields_come_in_order_and_share_no_byte() {
        let mut end = HEADER_BYTES;
        for (name, field) in FIELDS {
            assert!(field.offset >= end, "{name}");
            end = field.offset + field.bytes;
        }
    }

    #[test]
    fn a_short_block_lacks_only_its_last_fields() {
        let mut bytes = block(0x360);
        bytes[0x2A8..0x2AA].copy_from_slice(&0x6D8u16.to_le_bytes());
        let block = Block::new(bytes).unwrap();
        assert_eq!(block.bytes().len(), 0x360);
        assert_eq!(block.value(EPROCESS_SIZE), Some(0x6D8));
        assert_eq!(block.value(PTE_BASE), None);
    }

    #[test]
    fn what_is_no_block_is_refused() {
        assert_eq!(Block::new(vec![0; 0x380]), Err(BlockError::Tag([0; 4])));
        assert_eq!(Block::new(block(0x10)), Err(BlockError::Size(0x10)));
        assert_eq!(Block::new(block(u32::MAX)), Err(BlockError::Size(u32::MAX)));
        assert_eq!(Block::new(vec![0; 0x17]), Err(BlockError::Size(0x17)));
    }
}
