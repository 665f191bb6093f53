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
        for (group, (weights, bias)) in self.groups().enumerate() {
            let mut sums = [*bias; T];
            add_products::<N, T, 0, 0>(&mut sums, weights, columns);
            hand_out(group, sums, &mut emit);
        }
    }

    /// As [`apply`](Self::apply), for a convolution: each column is three frames. The first frame of the first column lies
    /// before the sound and is zeros, and so is, if `ENDS` is 1, the last frame of the last column: their products, a tenth
    /// of all that the detector has, are left out.
    #[inline(always)]
    pub(super) fn apply_to_frames<const T: usize, const ENDS: usize>(
        &self,
        columns: [&[f32]; T],
        mut emit: impl FnMut(usize, usize, [f32; LANES]),
    ) {
        let frame = self.inputs / 3;
        for (group, (weights, bias)) in self.groups().enumerate() {
            let mut sums = [*bias; T];
            let (first, others) = weights.split_at(frame);
            let (second, third) = others.split_at(frame);
            add_products::<N, T, 1, 0>(&mut sums, first, columns);
            add_products::<N, T, 0, 0>(&mut sums, second, columns.map(|column| &column[frame..]));
            add_products::<N, T, 0, ENDS>(&mut sums, third, columns.map(|column| &column[2 * frame..]));
            hand_out(group, sums, &mut emit);
        }
    }

    #[inline(always)]
    fn groups(&self) -> impl Iterator<Item = (&[[Line; N]], &[Line; N])> {
        self.weights.chunks_exact(self.inputs).zip(&self.bias)
    }
}

/// Adds the products of weights and inputs to the sums of `T` columns but the first `SKIPPED` and the last `LESS`.
#[inline(always)]
fn add_products<const N: usize, const T: usize, const SKIPPED: usize, const LESS: usize>(
    sums: &mut [[Line; N]; T],
    weights: &[[Line; N]],
    columns: [&[f32]; T],
) {
    let columns = columns.map(|column| &column[..weights.len()]);
    for (input, weights) in weights.iter().enumerate() {
        for (line, weights) in weights.iter().enumerate() {
            for (sums, column) in sums[SKIPPED..T - LESS].iter_mut().zip(&columns[SKIPPED..T - LESS]) {
                sums[line].add_product(weights, column[input]);
            }
        }
    }
}

#[inline(always)]
fn hand_out<const N: usize, const T: usize>(
    group: usize,
    sums: [[Line; N]; T],
    emit: &mut impl FnMut(usize, usize, [f32; LANES]),
) {
    for (column, sums) in sums.into_iter().enumerate() {
        for (line, sums) in sums.into_iter().enumerate() {
            emit(column, (group * N + line) * LANES, sums.0);
        }
    }
}
