//! The operations of `Calculator` on each element of a tensor. It knows data types, not nodes.

use bytemuck::Pod;
use half::{bf16, f16};
use remotemedia_core::value::{Buffer, DataType, Tensor};

use super::number::{Fault, Number, Operation};

/// Why a tensor has no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum ElementFault {
    /// Arithmetic on this type is not offered.
    #[error("a tensor of {0} is not one of numbers to calculate with")]
    DataType(&'static str),
    /// The operand is infinite in the tensor's type.
    #[error("the operand {operand} is past the range of {data_type}")]
    Operand { operand: Number, data_type: &'static str },
    /// The operand divides, and is zero in the tensor's type alone.
    #[error("the operand {operand} is zero in {data_type}, and nothing can be divided by it")]
    Vanishing { operand: Number, data_type: &'static str },
    /// An element has no result.
    #[error("at {}: {fault}", place(.index, .shape))]
    Arithmetic { index: usize, shape: Vec<usize>, fault: Fault },
    /// The result of an element does not fit the tensor's type.
    #[error("at {}: {value} {} {operand} does not fit {data_type}", place(.index, .shape), .operation.symbol())]
    Overflow {
        index: usize,
        shape: Vec<usize>,
        value: i128,
        operation: Operation,
        operand: Number,
        data_type: &'static str,
    },
}

/// One operation on a tensor.
struct Job<'a> {
    tensor: &'a Tensor,
    operation: Operation,
    operand: Number,
}

/// Computes with each element. The data type is kept, but integers become float64 when they are divided, raised to a
/// negative power or combined with a float.
///
/// Floats are computed as numpy does it: the operand is rounded to the tensor's type, the result is rounded once.
pub(super) fn apply(tensor: &Tensor, operation: Operation, operand: Number) -> Result<Tensor, ElementFault> {
    let job = Job { tensor, operation, operand };
    match tensor.data_type() {
        DataType::Int8 => job.integers::<i8>(),
        DataType::Int16 => job.integers::<i16>(),
        DataType::Int32 => job.integers::<i32>(),
        DataType::Int64 => job.integers::<i64>(),
        DataType::UInt8 => job.integers::<u8>(),
        DataType::UInt16 => job.integers::<u16>(),
        DataType::UInt32 => job.integers::<u32>(),
        DataType::UInt64 => job.integers::<u64>(),
        DataType::Float16 => job.floats(f16::to_f64, f16::from_f64),
        DataType::BFloat16 => job.floats(bf16::to_f64, bf16::from_f64),
        DataType::Float32 => job.floats(f64::from, |value| value as f32),
        DataType::Float64 => job.floats(|value: f64| value, |value| value),
        data_type @ (DataType::Bool | DataType::Complex64 | DataType::Complex128) => {
            Err(ElementFault::DataType(data_type.name()))
        }
    }
}

impl Job<'_> {
    fn integers<T: Pod + Into<i128> + TryFrom<i128>>(&self) -> Result<Tensor, ElementFault> {
        let stays = match (self.operation, self.operand) {
            (_, Number::Float(_)) | (Operation::Divide, _) => None,
            (Operation::Power, Number::Int(operand)) if operand < 0 => None,
            (_, Number::Int(operand)) => Some(operand),
        };
        let Some(operand) = stays else { return self.integers_to_floats::<T>() };
        // One loop for each of the simple operations, so that it has no choice to make.
        match self.operation {
            Operation::Add => self.exact::<T>(operand, |value| Ok(value.checked_add(operand))),
            Operation::Subtract => self.exact::<T>(operand, |value| Ok(value.checked_sub(operand))),
            Operation::Multiply => self.exact::<T>(operand, |value| Ok(value.checked_mul(operand))),
            operation => self.exact::<T>(operand, |value| match operation.apply_integers(value, operand) {
                Ok(Number::Int(result)) => Ok(Some(result)),
                Ok(Number::Float(_)) | Err(Fault::TooLarge) => Ok(None),
                Err(fault) => Err(fault),
            }),
        }
    }

    /// Computes integers that stay what they are; `compute` gives none past 128 bits.
    fn exact<T: Pod + Into<i128> + TryFrom<i128>>(
        &self,
        operand: i128,
        compute: impl Fn(i128) -> Result<Option<i128>, Fault>,
    ) -> Result<Tensor, ElementFault> {
        self.in_place(|index, value: T| {
            let result = compute(value.into()).map_err(|fault| self.fault(index, fault))?;
            result.and_then(|result| T::try_from(result).ok()).ok_or_else(|| ElementFault::Overflow {
                index,
                shape: self.tensor.shape().to_vec(),
                value: value.into(),
                operation: self.operation,
                operand: Number::Int(operand),
                data_type: self.tensor.data_type().name(),
            })
        })
    }

    fn integers_to_floats<T: Pod + Into<i128>>(&self) -> Result<Tensor, ElementFault> {
        let mut copy = self.aligned_copy();
        let values: &[T] = copy.as_mut_slice().map_or(&[], |bytes| bytemuck::cast_slice(bytes));
        let results = values
            .iter()
            .enumerate()
            .map(|(index, &value)| {
                let result = self.operation.apply(Number::Int(value.into()), self.operand);
                result.map(Number::to_f64).map_err(|fault| self.fault(index, fault))
            })
            .collect::<Result<Vec<f64>, _>>()?;
        Ok(self.result(DataType::Float64, Buffer::aligned_copy(bytemuck::cast_slice(&results))))
    }

    fn floats<T: Pod>(&self, widen: impl Fn(T) -> f64, round: impl Fn(f64) -> T) -> Result<Tensor, ElementFault> {
        let exact = self.operand.to_f64();
        let operand = widen(round(exact));
        let data_type = self.tensor.data_type().name();
        if operand.is_infinite() {
            return Err(ElementFault::Operand { operand: self.operand, data_type });
        }
        if operand == 0.0 && exact != 0.0 && matches!(self.operation, Operation::Divide | Operation::Modulo) {
            return Err(ElementFault::Vanishing { operand: self.operand, data_type });
        }
        // One loop for each of the simple operations, so that it has no choice to make.
        match self.operation {
            Operation::Add => self.in_place(|_, value| Ok(round(widen(value) + operand))),
            Operation::Subtract => self.in_place(|_, value| Ok(round(widen(value) - operand))),
            Operation::Multiply => self.in_place(|_, value| Ok(round(widen(value) * operand))),
            Operation::Divide if operand != 0.0 => self.in_place(|_, value| Ok(round(widen(value) / operand))),
            operation => self.in_place(|index, value| {
                let result = operation.apply_floats(widen(value), operand);
                result.map(&round).map_err(|fault| self.fault(index, fault))
            }),
        }
    }

    /// Computes each element of a copy from itself.
    fn in_place<T: Pod>(
        &self,
        mut compute: impl FnMut(usize, T) -> Result<T, ElementFault>,
    ) -> Result<Tensor, ElementFault> {
        let mut copy = self.aligned_copy();
        let elements: &mut [T] = copy.as_mut_slice().map_or(&mut [], |bytes| bytemuck::cast_slice_mut(bytes));
        for (index, element) in elements.iter_mut().enumerate() {
            *element = compute(index, *element)?;
        }
        Ok(self.result(self.tensor.data_type(), copy))
    }

    /// The elements in C order, aligned whatever the tensor's own memory is.
    fn aligned_copy(&self) -> Buffer {
        match self.tensor.contiguous_bytes() {
            Some(bytes) => Buffer::aligned_copy(bytes),
            None => Buffer::aligned_copy(&self.tensor.gather()),
        }
    }

    fn result(&self, data_type: DataType, buffer: Buffer) -> Tensor {
        Tensor::contiguous(data_type, self.tensor.shape().to_vec(), buffer).expect("one result for each element")
    }

    fn fault(&self, index: usize, fault: Fault) -> ElementFault {
        ElementFault::Arithmetic { index, shape: self.tensor.shape().to_vec(), fault }
    }
}

/// The place of an element as `[row, column]`, from its number in C order.
fn place(index: &usize, shape: &[usize]) -> String {
    let mut rest = *index;
    let mut coordinates: Vec<String> = Vec::with_capacity(shape.len());
    for &extent in shape.iter().rev() {
        coordinates.push((rest % extent).to_string());
        rest /= extent;
    }
    coordinates.reverse();
    format!("[{}]", coordinates.join(", "))
}
