//! Integers in the byte order of the file.

/// Byte order of all integers of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Order {
    /// The order of this machine; the C library creates files in it.
    pub const NATIVE: Order = if cfg!(target_endian = "big") { Order::Big } else { Order::Little };

    /// The other order.
    pub fn other(self) -> Order {
        match self {
            Order::Little => Order::Big,
            Order::Big => Order::Little,
        }
    }

    /// The 16-bit integer at offset `at`, 0 outside of `bytes`.
    #[cfg_attr(not(small), inline(always))]
    #[cfg_attr(all(small, not(target_arch = "riscv32")), inline)]
    #[cfg_attr(all(small, target_arch = "riscv32"), inline(never))]
    pub(crate) fn u16(self, bytes: &[u8], at: usize) -> usize {
        let raw = match bytes.get(at..).and_then(|b| b.first_chunk()) {
            Some(chunk) => u16::from_le_bytes(*chunk),
            None => 0,
        };
        usize::from(if self == Order::Big { raw.swap_bytes() } else { raw })
    }

    /// The 32-bit integer at offset `at`, 0 outside of `bytes`.
    #[cfg_attr(not(small), inline(always))]
    #[cfg_attr(all(small, not(target_arch = "riscv32")), inline)]
    #[cfg_attr(all(small, target_arch = "riscv32"), inline(never))]
    pub(crate) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let raw = match bytes.get(at..).and_then(|b| b.first_chunk()) {
            Some(chunk) => u32::from_le_bytes(*chunk),
            None => 0,
        };
        if self == Order::Big {
            raw.swap_bytes()
        } else {
            raw
        }
    }

    /// The 32-bit integers from offset `at` on.
    #[cfg(any(feature = "check", feature = "journal"))]
    pub(crate) fn u32s(self, bytes: &[u8], at: usize, to: &mut [u32]) {
        for (i, value) in to.iter_mut().enumerate() {
            *value = self.u32(bytes, at.wrapping_add(4 * i));
        }
    }

    /// Stores 32-bit integers.
    pub(crate) fn put_u32s(self, bytes: &mut [u8], at: usize, from: &[u32]) {
        for (i, value) in from.iter().enumerate() {
            self.put_u32(bytes, at.wrapping_add(4 * i), *value);
        }
    }

    /// Stores a 16-bit integer; does nothing outside of `bytes`.
    #[cfg_attr(not(small), inline)]
    #[cfg_attr(all(small, not(target_arch = "riscv32")), inline)]
    #[cfg_attr(all(small, target_arch = "riscv32"), inline(never))]
    pub(crate) fn put_u16(self, bytes: &mut [u8], at: usize, value: u16) {
        let raw = if self == Order::Big { value.swap_bytes() } else { value };
        if let Some(chunk) = bytes.get_mut(at..).and_then(|b| b.first_chunk_mut()) {
            *chunk = raw.to_le_bytes();
        }
    }

    /// Stores a 32-bit integer; does nothing outside of `bytes`.
    #[cfg_attr(not(small), inline)]
    #[cfg_attr(all(small, not(target_arch = "riscv32")), inline)]
    #[cfg_attr(all(small, target_arch = "riscv32"), inline(never))]
    pub(crate) fn put_u32(self, bytes: &mut [u8], at: usize, value: u32) {
        let raw = if self == Order::Big { value.swap_bytes() } else { value };
        if let Some(chunk) = bytes.get_mut(at..).and_then(|b| b.first_chunk_mut()) {
            *chunk = raw.to_le_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn both_orders_and_no_panic_outside() {
        let mut b = [0u8; 6];
        Order::Little.put_u32(&mut b, 1, 0x0102_0304);
        assert_eq!(b, [0, 4, 3, 2, 1, 0]);
        assert_eq!(Order::Big.u32(&b, 1), 0x0403_0201);
        Order::Big.put_u16(&mut b, 0, 0xabcd);
        assert_eq!((b[0], b[1]), (0xab, 0xcd));
        assert_eq!(Order::Big.u16(&b, 0), 0xabcd);
        let before = b;
        Order::Big.put_u32(&mut b, 3, 7);
        Order::Big.put_u16(&mut b, usize::MAX, 7);
        assert_eq!(b, before);
        assert_eq!(Order::Little.u32(&b, 3), 0);
        assert_eq!(Order::Little.u16(&b, 100), 0);
    }
}
