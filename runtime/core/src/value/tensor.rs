//! N-dimensional arrays of numbers with explicit strides.

use std::borrow::Cow;

use super::Buffer;

/// The type of one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// One byte, 0 or 1.
    Bool,
    /// Signed 8-bit integer.
    Int8,
    /// Signed 16-bit integer.
    Int16,
    /// Signed 32-bit integer.
    Int32,
    /// Signed 64-bit integer.
    Int64,
    /// Unsigned 8-bit integer.
    UInt8,
    /// Unsigned 16-bit integer.
    UInt16,
    /// Unsigned 32-bit integer.
    UInt32,
    /// Unsigned 64-bit integer.
    UInt64,
    /// IEEE 754 half.
    Float16,
    /// The upper half of an IEEE 754 single.
    BFloat16,
    /// IEEE 754 single.
    Float32,
    /// IEEE 754 double.
    Float64,
    /// Two singles: real, imaginary.
    Complex64,
    /// Two doubles: real, imaginary.
    Complex128,
}

impl DataType {
    /// Every data type.
    pub const ALL: [DataType; 15] = [
        DataType::Bool,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float16,
        DataType::BFloat16,
        DataType::Float32,
        DataType::Float64,
        DataType::Complex64,
        DataType::Complex128,
    ];

    /// The size of one element in bytes.
    pub const fn size(self) -> usize {
        match self {
            DataType::Bool | DataType::Int8 | DataType::UInt8 => 1,
            DataType::Int16 | DataType::UInt16 | DataType::Float16 | DataType::BFloat16 => 2,
            DataType::Int32 | DataType::UInt32 | DataType::Float32 => 4,
            DataType::Int64 | DataType::UInt64 | DataType::Float64 | DataType::Complex64 => 8,
            DataType::Complex128 => 16,
        }
    }

    /// The name as numpy writes it, such as `float32`.
    pub const fn name(self) -> &'static str {
        match self {
            DataType::Bool => "bool",
            DataType::Int8 => "int8",
            DataType::Int16 => "int16",
            DataType::Int32 => "int32",
            DataType::Int64 => "int64",
            DataType::UInt8 => "uint8",
            DataType::UInt16 => "uint16",
            DataType::UInt32 => "uint32",
            DataType::UInt64 => "uint64",
            DataType::Float16 => "float16",
            DataType::BFloat16 => "bfloat16",
            DataType::Float32 => "float32",
            DataType::Float64 => "float64",
            DataType::Complex64 => "complex64",
            DataType::Complex128 => "complex128",
        }
    }

    /// The data type with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|data_type| data_type.name() == name)
    }
}

/// An n-dimensional array: a window on a buffer with a shape and strides. Elements are little-endian.
#[derive(Clone, Debug)]
pub struct Tensor {
    data_type: DataType,
    shape: Vec<usize>,
    strides: Vec<isize>,
    buffer: Buffer,
    offset: usize,
}

/// Why a tensor can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    /// The strides don't have one entry for each dimension.
    #[error("{dimensions} dimensions need {dimensions} strides, got {strides}")]
    StrideCount {
        /// Entries of the shape.
        dimensions: usize,
        /// Entries of the strides.
        strides: usize,
    },
    /// Shape and strides together reach past the address space.
    #[error("the shape {shape:?} of {data_type} overflows the address space")]
    Overflow {
        /// The shape.
        shape: Vec<usize>,
        /// The name of the data type.
        data_type: &'static str,
    },
    /// Some element lies outside the buffer.
    #[error("the array reaches from byte {first} to byte {end}, the buffer has {len} bytes")]
    OutOfBounds {
        /// The first byte that an element occupies.
        first: i128,
        /// One past the last byte that an element occupies.
        end: i128,
        /// The length of the buffer.
        len: usize,
    },
}

impl Tensor {
    /// A contiguous array in C order over a whole buffer.
    ///
    /// # Errors
    /// If the buffer is shorter than the shape needs.
    pub fn contiguous(data_type: DataType, shape: Vec<usize>, buffer: Buffer) -> Result<Self, TensorError> {
        let strides = Self::contiguous_strides(data_type, &shape)?;
        Self::new(data_type, shape, strides, buffer, 0)
    }

    /// An array of `shape` whose first element is at byte `offset` of `buffer`; strides are in bytes and may be zero
    /// or negative.
    ///
    /// # Errors
    /// If the numbers of strides and dimensions differ, the extent overflows, or an element lies outside the buffer.
    pub fn new(
        data_type: DataType,
        shape: Vec<usize>,
        strides: Vec<isize>,
        buffer: Buffer,
        offset: usize,
    ) -> Result<Self, TensorError> {
        if shape.len() != strides.len() {
            return Err(TensorError::StrideCount { dimensions: shape.len(), strides: strides.len() });
        }
        Self::contiguous_strides(data_type, &shape)?;
        if !shape.contains(&0) {
            let mut first = offset as i128;
            let mut end = offset as i128 + data_type.size() as i128;
            for (&extent, &stride) in shape.iter().zip(&strides) {
                let span = (extent as i128 - 1) * stride as i128;
                if span < 0 { first += span } else { end += span }
            }
            if first < 0 || end > buffer.len() as i128 {
                return Err(TensorError::OutOfBounds { first, end, len: buffer.len() });
            }
        }
        Ok(Self { data_type, shape, strides, buffer, offset })
    }

    /// The type of the elements.
    pub fn data_type(&self) -> DataType {
        self.data_type
    }

    /// The extent of each dimension; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The distance in bytes between neighbours, for each dimension.
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// The buffer that holds the elements.
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Where the first element begins in the buffer, in bytes.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The number of elements.
    pub fn element_count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the elements lie in C order without gaps.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = self.data_type.size() as isize;
        self.shape.contains(&0)
            || self.shape.iter().zip(&self.strides).rev().all(|(&extent, &stride)| {
                let fits = extent == 1 || stride == expected;
                expected *= extent as isize;
                fits
            })
    }

    /// The bytes of the elements in C order, if they lie that way.
    pub fn contiguous_bytes(&self) -> Option<&[u8]> {
        let len = self.element_count() * self.data_type.size();
        if len == 0 {
            return Some(&[]);
        }
        self.is_contiguous().then(|| &self.buffer.as_slice()[self.offset..self.offset + len])
    }

    /// The bytes of the elements in C order, gathered into new memory.
    pub fn gather(&self) -> Vec<u8> {
        if let Some(bytes) = self.contiguous_bytes() {
            return bytes.to_vec();
        }
        let size = self.data_type.size();
        let source = self.buffer.as_slice();
        let mut gathered = Vec::with_capacity(self.element_count() * size);
        let mut index = vec![0usize; self.shape.len()];
        let mut position = self.offset as isize;
        loop {
            gathered.extend_from_slice(&source[position as usize..position as usize + size]);
            let mut dimension = self.shape.len();
            loop {
                let Some(next) = dimension.checked_sub(1) else { return gathered };
                dimension = next;
                index[dimension] += 1;
                position = position.wrapping_add(self.strides[dimension]);
                if index[dimension] < self.shape[dimension] {
                    break;
                }
                let span = self.strides[dimension].wrapping_mul(self.shape[dimension] as isize);
                position = position.wrapping_sub(span);
                index[dimension] = 0;
            }
        }
    }

    /// The bytes of the elements in C order, gathered only if they don't lie that way.
    pub fn gathered(&self) -> Cow<'_, [u8]> {
        self.contiguous_bytes().map_or_else(|| Cow::Owned(self.gather()), Cow::Borrowed)
    }

    /// The bytes of memory that this array keeps alive.
    pub fn weight(&self) -> usize {
        self.buffer.len()
    }

    /// The strides in bytes of an array that lies in C order without gaps.
    ///
    /// # Errors
    /// If the array reaches past the address space.
    pub fn contiguous_strides(data_type: DataType, shape: &[usize]) -> Result<Vec<isize>, TensorError> {
        let overflow = || TensorError::Overflow { shape: shape.to_vec(), data_type: data_type.name() };
        let mut strides = vec![0isize; shape.len()];
        let mut step = data_type.size() as isize;
        for (stride, &extent) in strides.iter_mut().zip(shape).rev() {
            *stride = step;
            let extent = isize::try_from(extent.max(1)).map_err(|_| overflow())?;
            step = step.checked_mul(extent).ok_or_else(overflow)?;
        }
        Ok(strides)
    }
}

/// Two arrays are equal if they have the same type and shape and the same bits in each element, whatever their strides.
impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.data_type == other.data_type && self.shape == other.shape && self.gathered() == other.gathered()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(len: u8) -> Buffer {
        Buffer::from_bytes((0..len).collect())
    }

    fn tensor(shape: &[usize], strides: &[isize], offset: usize) -> Result<Tensor, TensorError> {
        Tensor::new(DataType::UInt8, shape.to_vec(), strides.to_vec(), bytes(12), offset)
    }

    #[test]
    fn strides_of_any_sign_and_order_are_gathered_to_c_order() {
        type Case = (&'static [usize], &'static [isize], usize, &'static [u8]);
        let cases: [Case; 7] = [
            (&[2, 3], &[3, 1], 0, &[0, 1, 2, 3, 4, 5]),
            (&[3, 2], &[1, 3], 0, &[0, 3, 1, 4, 2, 5]),
            (&[4], &[-1], 11, &[11, 10, 9, 8]),
            (&[2, 2], &[-6, 2], 7, &[7, 9, 1, 3]),
            (&[2, 3], &[1, 0], 4, &[4, 4, 4, 5, 5, 5]),
            (&[], &[], 9, &[9]),
            (&[1, 2], &[isize::MAX, 3], 5, &[5, 8]),
        ];
        for (shape, strides, offset, expected) in cases {
            let tensor = tensor(shape, strides, offset).expect("it lies inside");
            assert_eq!(tensor.gather(), expected, "{shape:?} {strides:?}");
            assert_eq!(*tensor.gathered(), *expected);
        }
    }

    #[test]
    fn elements_are_kept_whole_when_gathered() {
        let reversed = Tensor::new(DataType::Int16, vec![3], vec![-2], bytes(6), 4).expect("it lies inside");
        assert_eq!(reversed.gather(), [4, 5, 2, 3, 0, 1]);
    }

    #[test]
    fn arrays_without_elements_need_no_memory() {
        for shape in [&[0][..], &[3, 0], &[0, 1 << 40]] {
            let strides = vec![isize::MAX; shape.len()];
            let empty = Tensor::new(DataType::Float64, shape.to_vec(), strides, bytes(0), 99).expect("no elements");
            assert_eq!((empty.element_count(), empty.gather().len()), (0, 0));
            assert!(empty.is_contiguous());
        }
    }

    #[test]
    fn windows_are_checked_against_their_buffer() {
        let outside = |first, end| Err(TensorError::OutOfBounds { first, end, len: 12 });
        assert!(tensor(&[3, 4], &[4, 1], 0).is_ok());
        assert_eq!(tensor(&[3, 4], &[4, 1], 1), outside(1, 13));
        assert_eq!(tensor(&[2], &[-1], 0), outside(-1, 1));
        assert_eq!(tensor(&[2], &[12], 0), outside(0, 13));
        assert_eq!(tensor(&[], &[], 12), outside(12, 13));
        assert_eq!(tensor(&[2], &[isize::MIN], 0), outside(-(1i128 << 63), 1));
        assert_eq!(tensor(&[2, 2], &[1], 0), Err(TensorError::StrideCount { dimensions: 2, strides: 1 }));
        assert!(matches!(tensor(&[usize::MAX], &[0], 0), Err(TensorError::Overflow { .. })));
        assert!(matches!(tensor(&[1 << 32, 1 << 32, 0], &[0, 0, 0], 0), Err(TensorError::Overflow { .. })));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let text = |error: Result<Tensor, TensorError>| error.expect_err("it is wrong").to_string();
        assert_eq!(text(tensor(&[2], &[], 0)), "1 dimensions need 1 strides, got 0");
        assert_eq!(text(tensor(&[13], &[1], 0)), "the array reaches from byte 0 to byte 13, the buffer has 12 bytes");
        let huge = tensor(&[1 << 62, 4], &[0, 0], 0);
        assert_eq!(text(huge), "the shape [4611686018427387904, 4] of uint8 overflows the address space");
    }

    #[test]
    fn contiguity_ignores_the_strides_of_single_steps() {
        assert!(tensor(&[2, 1, 3], &[3, 77, 1], 0).expect("it lies inside").is_contiguous());
        assert!(!tensor(&[2, 3], &[4, 1], 0).expect("it lies inside").is_contiguous());
        assert!(!tensor(&[3], &[-1], 5).expect("it lies inside").is_contiguous());
        assert!(tensor(&[2, 3], &[4, 1], 0).expect("it lies inside").contiguous_bytes().is_none());
    }

    #[test]
    fn arrays_are_equal_wherever_their_elements_lie() {
        let strided = tensor(&[2, 2], &[4, 2], 1).expect("it lies inside");
        let packed = Tensor::contiguous(DataType::UInt8, vec![2, 2], Buffer::from_bytes(vec![1, 3, 5, 7]));
        assert_eq!(strided, packed.clone().expect("four elements"));
        assert_ne!(strided, tensor(&[2, 2], &[4, 2], 2).expect("it lies inside"));
        let flat = Tensor::contiguous(DataType::UInt8, vec![4], Buffer::from_bytes(vec![1, 3, 5, 7]));
        assert_ne!(packed, flat);
    }

    #[test]
    fn names_and_sizes_belong_to_data_types() {
        for data_type in DataType::ALL {
            assert_eq!(DataType::from_name(data_type.name()), Some(data_type));
        }
        let sizes: Vec<usize> = DataType::ALL.into_iter().map(DataType::size).collect();
        assert_eq!(sizes, [1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16]);
        assert_eq!(DataType::from_name("float"), None);
    }
}
