//! Sizes in bytes as people write and read them: powers of 1024.

use std::fmt;

/// A size in bytes that prints as `1.2 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
        let Some((unit, shift)) = UNITS.into_iter().find(|(_, shift)| self.0 >= 1 << shift) else {
            return write!(f, "{} bytes", self.0);
        };
        let whole = self.0 >> shift;
        if whole >= 100 {
            return write!(f, "{whole} {unit}");
        }
        // Cut, not rounded: what is said to be free must be free.
        let tenths = ((self.0 - (whole << shift)) * 10) >> shift;
        write!(f, "{whole}.{tenths} {unit}")
    }
}

/// `512m`, `2g`, `2 GiB`, `1048576`: in bytes, powers of 1024, whole numbers; none for what is no
/// size or nothing.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let lower = lower.strip_suffix("ib").or_else(|| lower.strip_suffix('b')).unwrap_or(&lower);
    let units = [('k', 10), ('m', 20), ('g', 30), ('t', 40)];
    let (digits, shift) = units
        .into_iter()
        .find_map(|(unit, shift)| Some((lower.strip_suffix(unit)?.trim_end(), shift)))
        .unwrap_or((lower, 0));
    digits.parse::<u64>().ok()?.checked_mul(1 << shift).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(parse_size("512m"), Some(512 << 20));
        assert_eq!(parse_size("2GB"), Some(2 << 30));
        assert_eq!(parse_size("2GiB"), Some(2 << 30));
        assert_eq!(parse_size("20 GiB"), Some(20 << 30));
        assert_eq!(parse_size("1048576"), Some(1 << 20));
        for wrong in ["", "m", "-1m", "0", "1.5g", "iB", "99999999999g"] {
            assert_eq!(parse_size(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sizes_are_told_as_people_read_them() {
        let told = |bytes| Size(bytes).to_string();
        assert_eq!(told(900), "900 bytes");
        assert_eq!(told(2 << 30), "2.0 GiB");
        assert_eq!(told((1 << 30) + 300 * (1 << 20)), "1.2 GiB");
        assert_eq!(told(700 << 20), "700 MiB");
        assert_eq!(told(3 << 40), "3.0 TiB");
    }
}
