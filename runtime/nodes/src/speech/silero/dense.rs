//! A linear layer, laid out so that the compiler makes vector instructions of it.

use remotemedia_vectors::{LANES, Line};

/// `outputs = weights * inputs + bias`, for several input columns at once. `N` lines of outputs are computed together: they
/// are the lanes of the vectors, so that each output is the same sum in the same order however wide the machine's vectors
/// are.
#[derive(Debug)]
pub(super) struct Dense<const N: usize> {
    inputs: usize,
    /// For each group of `N` lines, for each input: the weights.
    weights: Vec<[Line; N]>,
    bias: Vec<[Line; N]>,
}

impl<const N: usize> Dense<N> {
    /// A layer with the weight `weight(output, input)`.
    ///
    /// # Panics
    /// If the outputs don't divide into groups of `N` lines.
    pub(super) fn new(bias: &[f32], inputs: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        let outputs = N * LANES;
        assert!(bias.len().is_multiple_of(outputs), "{} outputs in groups of {outputs}", bias.len());
        let groups = bias.len() / outputs;
        let lines = |group: usize, number: &dyn Fn(usize) -> f32| -> [Line; N] {
            std::array::from_fn(|line| Line(std::array::from_fn(|lane| number((group * N + line) * LANES + lane))))
        };
        let rows = (0..groups).flat_map(|group| (0..inputs).map(move |input| (group, input)));
        Self {
            inputs,
            weights: rows.map(|(group, input)| lines(group, &|output| weight(output, input))).collect(),
            bias: (0..groups).map(|group| lines(group, &|output| bias[output])).collect(),
        }
    }

    /// The outputs for `T` columns of inputs, each contiguous; `emit(column, first output, values)` takes them.
    #[inline(always)]
    pub(super) fn apply<const T: usize>(&self, columns: [&[f32]; T], mut emit: impl FnMut(usize, usize, [f32; LANES])) {
        let columns = columns.map(|column| &column[..self.inputs]);
        for (group, (weights, bias)) in self.weights.chunks_exact(self.inputs).zip(&self.bias).enumerate() {
            let mut sums = [*bias; T];
            for (input, weights) in weights.iter().enumerate() {
                for (line, weights) in weights.iter().enumerate() {
                    for (sums, column) in sums.iter_mut().zip(&columns) {
                        sums[line].add_product(weights, column[input]);
                    }
                }
            }
            for (column, sums) in sums.into_iter().enumerate() {
                for (line, sums) in sums.into_iter().enumerate() {
                    emit(column, (group * N + line) * LANES, sums.0);
                }
            }
        }
    }
}
