//! Bytes that are kept from a reader, which finds zero in their places: so what looks like the head of a page is none.

use std::collections::VecDeque;

/// Their places, in order.
#[derive(Default)]
pub(in crate::audio::decode) struct HiddenBytes(VecDeque<u64>);

impl HiddenBytes {
    pub(in crate::audio::decode) fn hide(&mut self, place: u64) {
        if let Err(index) = self.0.binary_search(&place) {
            self.0.insert(index, place);
        }
    }

    /// Hides them where they are among bytes of a place.
    pub(in crate::audio::decode) fn cover(&self, place: u64, bytes: &mut [u8]) {
        let first = self.0.partition_point(|hidden| *hidden < place);
        for hidden in self.0.range(first..) {
            let byte = usize::try_from(hidden - place).ok().and_then(|at| bytes.get_mut(at));
            let Some(byte) = byte else { break };
            *byte = 0;
        }
    }

    /// Forgets those before a place, which is never read again.
    pub(in crate::audio::decode) fn forget_before(&mut self, place: u64) {
        while self.0.pop_front_if(|hidden| *hidden < place).is_some() {}
    }
}
