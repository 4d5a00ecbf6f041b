//! The time of day where the machine is.
#![allow(unsafe_code)]

/// Hour, minute and second of a time since 1970, in the time zone that the C library has
/// been told of, as other programs show it.
pub fn time_of_day(seconds: u64) -> [i32; 3] {
    let seconds = seconds as libc::time_t;
    // SAFETY: all zeros are a time; both are live.
    let told = unsafe {
        let mut told: libc::tm = std::mem::zeroed();
        libc::localtime_r(&raw const seconds, &raw mut told);
        told
    };
    [told.tm_hour, told.tm_min, told.tm_sec]
}
