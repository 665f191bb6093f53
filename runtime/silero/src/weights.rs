//! The weights of both networks, as they lie in the library: `tools/weights.py` says which tensors, in which order.

/// Float32, little-endian. The build script checks the length.
static EMBEDDED: &[u8] = include_bytes!(env!("REMOTEMEDIA_VAD_WEIGHTS_FILE"));

/// Takes tensors one after the other.
pub(super) struct Tensors(std::slice::ChunksExact<'static, u8>);

impl Tensors {
    /// At the tensor after so many numbers.
    ///
    /// # Panics
    /// If there are not as many.
    pub(super) fn after(numbers: usize) -> Self {
        Self(EMBEDDED[numbers * size_of::<f32>()..].chunks_exact(size_of::<f32>()))
    }

    /// The next so many numbers.
    ///
    /// # Panics
    /// If there are not as many.
    pub(super) fn take(&mut self, count: usize) -> Vec<f32> {
        let taken: Vec<f32> = self.0.by_ref().take(count).map(number).collect();
        assert_eq!(taken.len(), count, "the weights end early");
        taken
    }
}

fn number(bytes: &[u8]) -> f32 {
    f32::from_le_bytes(bytes.try_into().expect("chunks of four bytes"))
}
