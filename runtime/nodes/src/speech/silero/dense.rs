//! A linear layer, laid out so that the compiler makes vector instructions of it.

/// `outputs = weights * inputs + bias`, for several input columns at once. `L` outputs are computed together: they are the
/// lanes of the vectors, so that each output is the same sum in the same order however wide the machine's vectors are.
#[derive(Debug)]
pub(super) struct Dense<const L: usize> {
    inputs: usize,
    /// For each group of `L` outputs, for each input: the weights.
    weights: Vec<[f32; L]>,
    bias: Vec<[f32; L]>,
}

impl<const L: usize> Dense<L> {
    /// A layer with the weight `weight(output, input)`.
    ///
    /// # Panics
    /// If the outputs don't divide into groups of `L`.
    pub(super) fn new(bias: &[f32], inputs: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        let (groups, rest) = bias.as_chunks::<L>();
        assert!(rest.is_empty(), "{} outputs in groups of {L}", bias.len());
        let rows = (0..groups.len()).flat_map(|group| (0..inputs).map(move |input| (group, input)));
        let weights = rows.map(|(group, input)| std::array::from_fn(|lane| weight(group * L + lane, input)));
        Self { inputs, weights: weights.collect(), bias: groups.to_vec() }
    }

    /// The outputs for `T` columns of inputs, each contiguous; `emit(column, first output, values)` takes them.
    #[inline(always)]
    pub(super) fn apply<const T: usize>(&self, columns: [&[f32]; T], mut emit: impl FnMut(usize, usize, [f32; L])) {
        let columns = columns.map(|column| &column[..self.inputs]);
        for (group, (weights, bias)) in self.weights.chunks_exact(self.inputs).zip(&self.bias).enumerate() {
            let mut sums = [*bias; T];
            for (input, weights) in weights.iter().enumerate() {
                for (sums, column) in sums.iter_mut().zip(&columns) {
                    let value = column[input];
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum += weight * value;
                    }
                }
            }
            for (column, sums) in sums.into_iter().enumerate() {
                emit(column, group * L, sums);
            }
        }
    }
}
