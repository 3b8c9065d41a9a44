//! The numbers of requests.
//!
//! From the packets of real targets, the rarer ones from public descriptions.

use std::fmt;

/// The number of a request, and of the reply to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Api(pub u32);

macro_rules! apis {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        impl Api {
            $(#[doc = concat!("The request `", $text, "`.")] pub const $name: Self = Self($number);)*

            /// The name in this description, if it has one.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

apis! {
    READ_VIRTUAL = 0x3130, "read virtual memory";
    WRITE_VIRTUAL = 0x3131, "write virtual memory";
    GET_CONTEXT = 0x3132, "get context";
    SET_CONTEXT = 0x3133, "set context";
    WRITE_BREAKPOINT = 0x3134, "write breakpoint";
    RESTORE_BREAKPOINT = 0x3135, "restore breakpoint";
    CONTINUE = 0x3136, "continue";
    READ_CONTROL = 0x3137, "read control space";
    WRITE_CONTROL = 0x3138, "write control space";
    READ_IO = 0x3139, "read port";
    WRITE_IO = 0x313A, "write port";
    REBOOT = 0x313B, "reboot";
    CONTINUE2 = 0x313C, "continue with a control set";
    READ_PHYSICAL = 0x313D, "read physical memory";
    WRITE_PHYSICAL = 0x313E, "write physical memory";
    QUERY_SPECIAL_CALLS = 0x313F, "query special calls";
    SET_SPECIAL_CALL = 0x3140, "set special call";
    CLEAR_SPECIAL_CALLS = 0x3141, "clear special calls";
    SET_INTERNAL_BREAKPOINT = 0x3142, "set internal breakpoint";
    GET_INTERNAL_BREAKPOINT = 0x3143, "get internal breakpoint";
    READ_IO_EX = 0x3144, "read port of a bus";
    WRITE_IO_EX = 0x3145, "write port of a bus";
    GET_VERSION = 0x3146, "get version";
    WRITE_BREAKPOINTS = 0x3147, "write breakpoints";
    RESTORE_BREAKPOINTS = 0x3148, "restore breakpoints";
    CAUSE_BUGCHECK = 0x3149, "cause bugcheck";
    SWITCH_PROCESSOR = 0x3150, "switch processor";
    PAGE_IN = 0x3151, "page in";
    READ_MSR = 0x3152, "read model-specific register";
    WRITE_MSR = 0x3153, "write model-specific register";
    SEARCH_MEMORY = 0x3156, "search memory";
    GET_BUS_DATA = 0x3157, "get bus data";
    SET_BUS_DATA = 0x3158, "set bus data";
    CHECK_LOW_MEMORY = 0x3159, "check low memory";
    CLEAR_INTERNAL_BREAKPOINTS = 0x315A, "clear internal breakpoints";
    FILL_MEMORY = 0x315B, "fill memory";
    QUERY_MEMORY = 0x315C, "query memory";
    SWITCH_PARTITION = 0x315D, "switch partition";
    WRITE_CUSTOM_BREAKPOINT = 0x315E, "write custom breakpoint";
    GET_CONTEXT_EX = 0x315F, "get part of context";
    SET_CONTEXT_EX = 0x3160, "set part of context";
}

impl Api {
    /// Whether the target replies to it. The others are only acknowledged; the target runs on, goes away, or
    /// reports from another processor.
    pub fn has_reply(self) -> bool {
        !matches!(
            self,
            Self::CONTINUE
                | Self::CONTINUE2
                | Self::REBOOT
                | Self::CAUSE_BUGCHECK
                | Self::SWITCH_PROCESSOR
                | Self::SWITCH_PARTITION
                | Self::SET_INTERNAL_BREAKPOINT
                | Self::CLEAR_INTERNAL_BREAKPOINTS
        )
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "request {:#06x}", self.0),
        }
    }
}
