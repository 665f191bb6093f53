//! A linear layer, laid out so that the compiler makes vector instructions of it.

use remotemedia_vectors::{LANES, Line, Simd};

/// `outputs = weights * inputs + bias`, for several input columns at once. `N` lines of outputs are computed together: they
/// are the lanes of the vectors, so that each output is the same sum in the same order however wide the machine's vectors
/// are.
///
/// Some outputs of all windows come before the next outputs of the first one: so weights are read once for all windows
/// from the processor's second cache, whose speed is the limit of one window by itself.
#[derive(Debug)]
pub(super) struct Dense<const N: usize> {
    inputs: usize,
    /// For each group of `N` lines, for each input: the weights.
    weights: Vec<[Line; N]>,
    bias: Vec<[Line; N]>,
}

/// What the columns of a layer are.
trait Columns {
    /// Adds the products of weights and inputs to the sums of `T` columns.
    fn add<S: Simd, const P: usize, const N: usize, const T: usize>(
        sums: &mut [[[Line; N]; T]; P],
        weights: [&[[Line; N]]; P],
        columns: [&[f32]; T],
    );
}

/// Numbers without a form.
struct Plain;

/// Three frames each. The first frame of the first column lies before the sound and is zeros, and so is, if `ENDS` is 1, the
/// last frame of the last column: their products, a tenth of all that the detector has, are left out.
struct Frames<const ENDS: usize>;

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

    /// The outputs for one column of inputs of each of so many windows; `emit(window, first output, values)` takes them.
    #[inline(always)]
    pub(super) fn apply<'a, S: Simd>(
        &self,
        windows: usize,
        column: impl Fn(usize) -> &'a [f32],
        mut emit: impl FnMut(usize, usize, [f32; LANES]),
    ) {
        // By twos, whose weights are read once, and stay in the first cache for the next two.
        let (pairs, odd) = (windows / 2, windows % 2);
        self.compute::<S, Plain, 2>(
            pairs,
            |pair| [column(2 * pair), column(2 * pair + 1)],
            |pair, second, output, values| emit(2 * pair + second, output, values),
        );
        self.compute::<S, Plain, 1>(
            odd,
            |_| [column(windows - 1)],
            |_, _, output, values| emit(windows - 1, output, values),
        );
    }

    /// The outputs of a convolution for the `T` columns of each of so many windows; each column is three [`Frames`].
    /// `emit(window, column, first output, values)` takes them.
    #[inline(always)]
    pub(super) fn apply_to_frames<'a, S: Simd, const T: usize, const ENDS: usize>(
        &self,
        windows: usize,
        columns: impl Fn(usize) -> [&'a [f32]; T],
        emit: impl FnMut(usize, usize, usize, [f32; LANES]),
    ) {
        self.compute::<S, Frames<ENDS>, T>(windows, columns, emit);
    }

    /// Computes as many groups at once as there are registers for: sums wait for themselves, not for each other.
    #[inline(always)]
    fn compute<'a, S: Simd, C: Columns, const T: usize>(
        &self,
        windows: usize,
        columns: impl Fn(usize) -> [&'a [f32]; T],
        emit: impl FnMut(usize, usize, usize, [f32; LANES]),
    ) {
        if 2 * N * T <= S::SUMS && self.bias.len().is_multiple_of(2) {
            self.compute_groups::<S, C, 2, T>(windows, columns, emit);
        } else {
            self.compute_groups::<S, C, 1, T>(windows, columns, emit);
        }
    }

    #[inline(always)]
    fn compute_groups<'a, S: Simd, C: Columns, const P: usize, const T: usize>(
        &self,
        windows: usize,
        columns: impl Fn(usize) -> [&'a [f32]; T],
        mut emit: impl FnMut(usize, usize, usize, [f32; LANES]),
    ) {
        for (number, bias) in self.bias.as_chunks::<P>().0.iter().enumerate() {
            let weights = std::array::from_fn(|part| &self.weights[(number * P + part) * self.inputs..][..self.inputs]);
            for window in 0..windows {
                let mut sums = bias.map(|bias| [bias; T]);
                C::add::<S, P, N, T>(&mut sums, weights, columns(window));
                for (part, sums) in sums.into_iter().enumerate() {
                    for (column, sums) in sums.into_iter().enumerate() {
                        for (line, sums) in sums.into_iter().enumerate() {
                            emit(window, column, ((number * P + part) * N + line) * LANES, sums.0);
                        }
                    }
                }
            }
        }
    }
}

impl Columns for Plain {
    #[inline(always)]
    fn add<S: Simd, const P: usize, const N: usize, const T: usize>(
        sums: &mut [[[Line; N]; T]; P],
        weights: [&[[Line; N]]; P],
        columns: [&[f32]; T],
    ) {
        add_products::<S, P, N, T, 0, 0>(sums, weights, columns);
    }
}

impl<const ENDS: usize> Columns for Frames<ENDS> {
    #[inline(always)]
    fn add<S: Simd, const P: usize, const N: usize, const T: usize>(
        sums: &mut [[[Line; N]; T]; P],
        weights: [&[[Line; N]]; P],
        columns: [&[f32]; T],
    ) {
        let frame = weights[0].len() / 3;
        let [second, third] = [1, 2].map(|tap| columns.map(|column| &column[tap * frame..]));
        add_products::<S, P, N, T, 1, 0>(sums, weights.map(|weights| &weights[..frame]), columns);
        add_products::<S, P, N, T, 0, 0>(sums, weights.map(|weights| &weights[frame..2 * frame]), second);
        add_products::<S, P, N, T, 0, ENDS>(sums, weights.map(|weights| &weights[2 * frame..]), third);
    }
}

/// Adds the products of weights and inputs to the sums of `T` columns but the first `SKIPPED` and the last `LESS`.
#[inline(always)]
fn add_products<S: Simd, const P: usize, const N: usize, const T: usize, const SKIPPED: usize, const LESS: usize>(
    sums: &mut [[[Line; N]; T]; P],
    weights: [&[[Line; N]]; P],
    columns: [&[f32]; T],
) {
    let inputs = weights[0].len();
    let weights = weights.map(|weights| &weights[..inputs]);
    let columns = columns.map(|column| &column[..inputs]);
    for input in 0..inputs {
        for (sums, weights) in sums.iter_mut().zip(&weights) {
            for (line, weights) in weights[input].iter().enumerate() {
                for (sums, column) in sums[SKIPPED..T - LESS].iter_mut().zip(&columns[SKIPPED..T - LESS]) {
                    sums[line].add_product::<S>(weights, column[input]);
                }
            }
        }
    }
}
