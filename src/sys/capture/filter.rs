//! Filters of pcap-filter(7), compiled by libpcap itself.
//!
//! libpcap is loaded when a filter is given, and only then: netyard is built, and captures,
//! on machines that have none. A compiler of our own, or another's imitation, would be right
//! for most filters, and a filter that is wrong shows itself by nothing at all: packets that
//! are there are not seen. (The one there is in Rust, pktbaffle, has `less 64` as `len < 64`;
//! pcap-filter(7) has it as `len <= 64`.) A static program loads no libraries, and says so.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr;

use super::Medium;

/// Debian's name and its heirs', then that of all others.
const FILES: [&CStr; 2] = [c"libpcap.so.0.8", c"libpcap.so.1"];

/// pcap/dlt.h: the names of the two kinds of frames.
const DLT_EN10MB: c_int = 1;
const DLT_RAW: c_int = 12;
/// pcap/pcap.h: what is `ip broadcast` cannot be known of several networks at once.
const NETMASK_UNKNOWN: u32 = 0xffff_ffff;

/// Why there is no filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// libpcap is not there; in the loader's words.
    NoLibrary(String),
    /// The expression is wrong; in libpcap's words.
    Wrong(String),
}

/// A compiled expression, for one kind of frames.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    code: Vec<libc::sock_filter>,
    /// What passes is cut after so many bytes.
    pub(super) snaplen: u32,
    /// Asks about a packet outside of the kernel, where that is needed.
    outside: Option<OfflineFilter>,
}

#[repr(C)]
struct BpfProgram {
    length: c_uint,
    code: *mut libc::sock_filter,
}

#[repr(C)]
struct PacketHeader {
    time: libc::timeval,
    captured: u32,
    length: u32,
}

type OpenDead = unsafe extern "C" fn(c_int, c_int) -> *mut c_void;
type Compile =
    unsafe extern "C" fn(*mut c_void, *mut BpfProgram, *const c_char, c_int, u32) -> c_int;
type GetError = unsafe extern "C" fn(*mut c_void) -> *const c_char;
type FreeCode = unsafe extern "C" fn(*mut BpfProgram);
type Close = unsafe extern "C" fn(*mut c_void);
type OfflineFilter =
    unsafe extern "C" fn(*const BpfProgram, *const PacketHeader, *const u8) -> c_int;

/// The functions of libpcap that are needed. It stays loaded.
pub(crate) struct Libpcap {
    open_dead: OpenDead,
    compile: Compile,
    get_error: GetError,
    free_code: FreeCode,
    close: Close,
    offline_filter: OfflineFilter,
}

impl Libpcap {
    pub(crate) fn load() -> Result<Self, Unfit> {
        let flags = libc::RTLD_NOW | libc::RTLD_LOCAL;
        let library = FILES.into_iter().find_map(|file| {
            // SAFETY: the name is a C string; what libpcap does when it is loaded is what
            // every program linked with it does.
            let library = unsafe { libc::dlopen(file.as_ptr(), flags) };
            (!library.is_null()).then_some(library)
        });
        let library = library.ok_or_else(|| Unfit::NoLibrary(loader_error()))?;
        // SAFETY: these are the types of the functions in pcap/pcap.h, the same since
        // libpcap 1.0, and a symbol that was found is that function.
        unsafe {
            Ok(Libpcap {
                open_dead: std::mem::transmute::<*mut c_void, OpenDead>(symbol(
                    library,
                    c"pcap_open_dead",
                )?),
                compile: std::mem::transmute::<*mut c_void, Compile>(symbol(
                    library,
                    c"pcap_compile",
                )?),
                get_error: std::mem::transmute::<*mut c_void, GetError>(symbol(
                    library,
                    c"pcap_geterr",
                )?),
                free_code: std::mem::transmute::<*mut c_void, FreeCode>(symbol(
                    library,
                    c"pcap_freecode",
                )?),
                close: std::mem::transmute::<*mut c_void, Close>(symbol(library, c"pcap_close")?),
                offline_filter: std::mem::transmute::<*mut c_void, OfflineFilter>(symbol(
                    library,
                    c"pcap_offline_filter",
                )?),
            })
        }
    }

    /// Compiles an expression. What passes is cut after `snaplen` bytes.
    pub(crate) fn compile(
        &self,
        expression: &str,
        medium: Medium,
        snaplen: u32,
    ) -> Result<Program, Unfit> {
        let text = CString::new(expression)
            .map_err(|_| Unfit::Wrong("there is a zero byte in it".to_owned()))?;
        let kind = match medium {
            Medium::Ethernet => DLT_EN10MB,
            Medium::Ip => DLT_RAW,
        };
        let mut program = BpfProgram {
            length: 0,
            code: ptr::null_mut(),
        };
        // SAFETY: the handle is open between the two calls; the expression is a C string; the
        // program is live, and after a success has `length` instructions until it is freed;
        // the error text belongs to the handle.
        unsafe {
            let handle = (self.open_dead)(kind, c_int::try_from(snaplen).unwrap_or(c_int::MAX));
            if handle.is_null() {
                return Err(Unfit::Wrong("libpcap is out of memory".to_owned()));
            }
            let done = (self.compile)(handle, &raw mut program, text.as_ptr(), 1, NETMASK_UNKNOWN);
            let code = if done == 0 {
                let code = std::slice::from_raw_parts(program.code, program.length as usize);
                let code = code.to_vec();
                (self.free_code)(&raw mut program);
                Ok(code)
            } else {
                let said = CStr::from_ptr((self.get_error)(handle));
                Err(Unfit::Wrong(said.to_string_lossy().into_owned()))
            };
            (self.close)(handle);
            let outside = names_tags(expression).then_some(self.offline_filter);
            Ok(Program {
                code: code?,
                snaplen,
                outside,
            })
        }
    }
}

/// Whether it asks for VLAN tags. The kernel keeps a tag beside the packet, where only a
/// program for an open device of libpcap's own would look for it (`gen_vlan`, gencode.c): such
/// a filter is asked outside of the kernel, when the tag is back in its place.
fn names_tags(expression: &str) -> bool {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric());
    words.into_iter().any(|word| word == "vlan")
}

fn symbol(library: *mut c_void, name: &CStr) -> Result<*mut c_void, Unfit> {
    // SAFETY: the library is open and the name is a C string.
    let found = unsafe { libc::dlsym(library, name.as_ptr()) };
    match found.is_null() {
        true => Err(Unfit::NoLibrary(loader_error())),
        false => Ok(found),
    }
}

fn loader_error() -> String {
    // SAFETY: the text lives until this thread's next call of the loader.
    unsafe {
        let said = libc::dlerror();
        match said.is_null() {
            true => "it cannot be loaded".to_owned(),
            false => CStr::from_ptr(said).to_string_lossy().into_owned(),
        }
    }
}

impl Program {
    /// Takes every packet, cut after so many bytes.
    pub(crate) fn everything(snaplen: u32) -> Self {
        let code = vec![libc::sock_filter {
            code: (libc::BPF_RET | libc::BPF_K) as u16,
            jt: 0,
            jf: 0,
            k: snaplen,
        }];
        Program {
            code,
            snaplen,
            outside: None,
        }
    }

    /// What the kernel is given.
    pub(super) fn for_kernel(&self) -> Option<&[libc::sock_filter]> {
        self.outside.is_none().then_some(&self.code)
    }

    /// Whether a packet passes that the kernel could not judge; of others, it has.
    pub(super) fn passes(&self, bytes: &[u8], length: u32) -> bool {
        let Some(filter) = self.outside else {
            return true;
        };
        let program = BpfProgram {
            length: self.code.len() as c_uint,
            code: self.code.as_ptr().cast_mut(),
        };
        let header = PacketHeader {
            time: libc::timeval {
                tv_sec: 0,
                tv_usec: 0,
            },
            captured: bytes.len() as u32,
            length,
        };
        // SAFETY: the program has so many instructions and the packet so many bytes;
        // neither is written to.
        unsafe { filter(&raw const program, &raw const header, bytes.as_ptr()) != 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::names_tags;

    #[test]
    fn the_word_vlan_is_found_wherever_it_stands() {
        assert!(names_tags("vlan") && names_tags("icmp and (vlan 10)") && names_tags("!vlan"));
        assert!(!names_tags("host vlans.example") && !names_tags("icmp"));
    }
}
