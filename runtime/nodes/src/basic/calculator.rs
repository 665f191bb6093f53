//! `Calculator`: one operation with a fixed operand on numbers, lists of numbers and tensors.

mod elements;
mod number;

use remotemedia_core::node::{Cost, Define, Kinds, Node, NodeError, Port, Step, documented};
use remotemedia_core::value::{Kind, Packet, Tensor, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use elements::ElementFault;
use number::Fault;
pub use number::{Number, Operation};

documented! {
/// Computes with a fixed operand on numbers, lists of numbers and tensors.
///
/// The result is `value <operation> operand`:
///
/// | value | result |
/// |---|---|
/// | integer, with an integer operand | an exact integer from -2^63 to 2^64 - 1; past that an error. `divide` gives a float where the quotient is no integer (7 / 2 is 3.5, 6 / 2 is 3), `power` where the operand is negative |
/// | float, or a float operand | a 64-bit float. Past its range it is infinite, and a negative number to a fractional power is NaN, as IEEE 754 has it |
/// | list | a list of the results; lists within it too |
/// | tensor of floats | the same data type, as numpy computes: the operand is rounded to it first, and then each result |
/// | tensor of integers | the same data type, a result that does not fit it is an error; float64 for `divide`, a negative power, or a float operand |
///
/// `modulo` has the sign of the operand, as in Python. To divide by zero is an error, for zero to a negative power too.
/// Truth values, text and everything else are errors that name their place. The packet's time stays.
///
/// One step computes the whole packet: nanoseconds for a number, about a millisecond for a million elements.
#[derive(Debug)]
pub struct Calculator {
    operation: Operation,
    operand: Number,
}
}

/// The params of [`Calculator`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalculatorParams {
    /// What to compute.
    pub operation: Operation,
    /// The number on the right of the operation: an integer from -2^63 to 2^64 - 1, or a float. With zero,
    /// `divide` and `modulo` fail at the first number.
    pub operand: Number,
}

const INPUT: Kinds = Kinds::of(&[Kind::Int, Kind::Float, Kind::List, Kind::Tensor]);

impl Node for Calculator {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        let value = match &packet.value {
            Value::Tensor(tensor) => self.tensor(tensor)?.into(),
            value => self.value(value).map_err(|fault| fault.into_error())?,
        };
        Ok(Step::emit(Packet { value, ..packet }))
    }
}

impl Define for Calculator {
    type Params = CalculatorParams;

    const NAME: &'static str = "Calculator";
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[Port::new("in", INPUT, "A number, a list of numbers or a tensor.")];
    const OUTPUTS: &'static [Port] = &[Port::new("out", INPUT, "The result, in the shape of the input.")];
    const LIVE: &'static [&'static str] = &["operand"];
    const EXAMPLE: &'static str = r#"{"operation": "add", "operand": 5}"#;

    fn new(params: &CalculatorParams) -> Self {
        Calculator { operation: params.operation, operand: params.operand }
    }

    fn set_params(&mut self, params: &CalculatorParams) {
        self.operand = params.operand;
    }
}

/// What is wrong with one number of a value.
struct ValueFault {
    cause: String,
    cure: String,
    /// The indices that lead to it, innermost first.
    path: Vec<usize>,
}

impl ValueFault {
    fn new(cause: String, cure: impl Into<String>) -> Box<Self> {
        Box::new(Self { cause, cure: cure.into(), path: Vec::new() })
    }

    fn within(mut self: Box<Self>, index: usize) -> Box<Self> {
        self.path.push(index);
        self
    }

    fn into_error(self) -> NodeError {
        let path: String = self.path.iter().rev().map(|index| format!("[{index}]")).collect();
        let cause = if path.is_empty() { self.cause } else { format!("at {path}: {}", self.cause) };
        NodeError::new(cause).cure(self.cure)
    }
}

impl Calculator {
    /// Computes with a number or a list.
    fn value(&self, value: &Value) -> Result<Value, Box<ValueFault>> {
        let number = match value {
            Value::Int(value) => Number::Int((*value).into()),
            Value::UInt(value) => Number::Int((*value).into()),
            Value::Float(value) => Number::Float(*value),
            Value::List(items) => {
                let mut results = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    results.push(self.value(item).map_err(|fault| fault.within(index))?);
                }
                return Ok(Value::list(results));
            }
            other => {
                let kind = other.kind();
                return Err(ValueFault::new(format!("expected a number, got {}", kind.name()), cure_for(kind)));
            }
        };
        let result = match self.operation.apply(number, self.operand) {
            Ok(Number::Float(result)) => return Ok(Value::Float(result)),
            Ok(Number::Int(result)) => {
                i64::try_from(result).map(Value::Int).or_else(|_| u64::try_from(result).map(Value::from_u64)).ok()
            }
            Err(Fault::TooLarge) => None,
            Err(fault) => return Err(ValueFault::new(fault.to_string(), AVOID_ZERO)),
        };
        result.ok_or_else(|| {
            let cause = format!("{number} {} {} does not fit 64 bits", self.operation.symbol(), self.operand);
            ValueFault::new(cause, format!("Use the float operand {:?} if rounding will do.", self.operand.to_f64()))
        })
    }

    fn tensor(&self, tensor: &Tensor) -> Result<Tensor, NodeError> {
        elements::apply(tensor, self.operation, self.operand).map_err(|fault| {
            let cure = match &fault {
                ElementFault::DataType(_) => "Convert it to integers or floats first.".to_owned(),
                ElementFault::Operand { .. } | ElementFault::Vanishing { .. } => {
                    "Convert the tensor to float64 first.".to_owned()
                }
                ElementFault::Arithmetic { .. } => AVOID_ZERO.to_owned(),
                ElementFault::Overflow { operand, .. } => {
                    format!("Convert the tensor to a wider type, or use the float operand {:?}.", operand.to_f64())
                }
            };
            NodeError::new(fault.to_string()).cure(cure)
        })
    }
}

const AVOID_ZERO: &str = "Keep zeros away from this node, or choose another operand.";

fn cure_for(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "Send 1 or 0 for a truth value.",
        Kind::Str | Kind::Bytes => "Convert it to an int or a float first.",
        Kind::Tensor => "Send each tensor as an input of its own.",
        _ => "Send a number, a list of numbers or a tensor.",
    }
}
