//! Bytes of which some bits may not be known, and conditions that then may hold or not.

/// Whether a condition holds; `None`: that is not known.
pub(super) type Truth = Option<bool>;

/// Bytes with the bits of them that are known. What is not known is 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bytes {
    pub(super) value: Vec<u8>,
    pub(super) known: Vec<u8>,
}

impl Bytes {
    pub(super) fn known(value: impl Into<Vec<u8>>) -> Self {
        let value = value.into();
        let known = vec![0xff; value.len()];
        Bytes { value, known }
    }

    pub(super) fn unknown(length: usize) -> Self {
        let (value, known) = (vec![0; length], vec![0; length]);
        Bytes { value, known }
    }

    pub(super) fn masked(value: &[u8], known: &[u8]) -> Self {
        let value = value.iter().zip(known).map(|(v, k)| v & k).collect();
        let known = known.to_vec();
        Bytes { value, known }
    }

    pub(super) fn len(&self) -> usize {
        self.value.len()
    }

    pub(super) fn is_known(&self) -> bool {
        self.known.iter().all(|known| *known == 0xff)
    }

    pub(super) fn cut(&self, from: usize, length: usize) -> Option<Bytes> {
        let range = from..from.checked_add(length)?;
        let value = self.value.get(range.clone())?.to_vec();
        let known = self.known.get(range)?.to_vec();
        Some(Bytes { value, known })
    }

    /// Puts others over these; what does not fit is left out.
    pub(super) fn put(&mut self, at: usize, other: &Bytes) {
        for (i, (value, known)) in other.value.iter().zip(&other.known).enumerate() {
            if let (Some(v), Some(k)) = (self.value.get_mut(at + i), self.known.get_mut(at + i)) {
                (*v, *k) = (*value, *known);
            }
        }
    }

    pub(super) fn append(&mut self, other: Bytes) {
        self.value.extend(other.value);
        self.known.extend(other.known);
    }

    /// Each byte, and which bits of it are known, made anew.
    pub(super) fn each(&self, change: impl Fn(usize, u8, u8) -> (u8, u8)) -> Bytes {
        let pairs = self.value.iter().zip(&self.known).enumerate();
        let (value, known) = pairs.map(|(i, (v, k))| change(i, *v, *k)).unzip();
        Bytes { value, known }
    }

    /// The same, with the bytes of each number of this size turned around.
    pub(super) fn turned(&self, size: usize) -> Bytes {
        let turn = |bytes: &[u8]| {
            let numbers = bytes.chunks(size.max(1));
            numbers.flat_map(|n| n.iter().rev().copied()).collect()
        };
        Bytes {
            value: turn(&self.value),
            known: turn(&self.known),
        }
    }

    pub(super) fn equals(&self, other: &[u8]) -> Truth {
        let mut pairs = self.value.iter().zip(&self.known).zip(other);
        match pairs.any(|((value, known), other)| value != &(other & known)) {
            true => Some(false),
            false => self.is_known().then_some(true),
        }
    }

    /// Whether they lie within a range.
    pub(super) fn within(&self, low: &[u8], high: &[u8]) -> Truth {
        let parts = self.value.iter().zip(&self.known);
        let largest: Vec<u8> = parts.map(|(value, known)| value | !known).collect();
        // The smallest that they may be is the value itself.
        let (smallest, largest) = (self.value.as_slice(), largest.as_slice());
        if largest < low || smallest > high {
            return Some(false);
        }
        (low <= smallest && largest <= high).then_some(true)
    }
}

/// Whether both hold.
pub(super) fn both(one: Truth, other: Truth) -> Truth {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_decides() {
        let half = Bytes::masked(&[0x12, 0x34], &[0xff, 0xf0]);
        assert_eq!(half.equals(&[0x12, 0x35]), None);
        assert_eq!(half.equals(&[0x12, 0x45]), Some(false));
        assert_eq!(half.within(&[0x13, 0], &[0x14, 0]), Some(false));
        assert_eq!(half.within(&[0x11, 0], &[0x13, 0]), Some(true));
        assert_eq!(half.within(&[0x12, 0x35], &[0x13, 0]), None);
        // Whatever it is, it is one of all.
        let none = Bytes::unknown(2);
        assert_eq!(none.within(&[0, 0], &[0xff, 0xff]), Some(true));
        assert_eq!(none.within(&[0, 1], &[0xff, 0xff]), None);
        assert_eq!(Bytes::known([1, 2]).equals(&[1, 2]), Some(true));
        assert_eq!(Bytes::known([1, 2, 3, 4]).turned(2).value, [2, 1, 4, 3]);
    }
}
