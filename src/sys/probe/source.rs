//! Which socket an event is about: a number of 64 bits, for epoll(7).

/// A socket of a run, by its number or by that of its probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Raw(u32),
    Udp(u32),
    Tcp(u32),
    Echo(u32),
    Listener(u32),
}

impl Source {
    pub(super) fn data(self) -> u64 {
        let (kind, number) = match self {
            Source::Raw(n) => (0, n),
            Source::Udp(n) => (1, n),
            Source::Tcp(n) => (2, n),
            Source::Echo(n) => (3, n),
            Source::Listener(n) => (4, n),
        };
        kind << 32 | u64::from(number)
    }

    pub(super) fn from_data(data: u64) -> Self {
        let number = data as u32;
        match data >> 32 {
            0 => Source::Raw(number),
            1 => Source::Udp(number),
            2 => Source::Tcp(number),
            3 => Source::Echo(number),
            _ => Source::Listener(number),
        }
    }
}
