//! Arithmetic on exact integers and floats, with Python's rules. It knows no nodes and no values.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Visitor};

/// A number that knows whether it is exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer. As a param it lies between -2^63 and 2^64 - 1; results may be larger, up to the range of the type.
    Int(i128),
    /// A 64-bit float.
    Float(f64),
}

/// An operation on two numbers, the value on the left and the operand on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// value + operand
    Add,
    /// value - operand
    Subtract,
    /// value * operand
    Multiply,
    /// value / operand. Integers give an integer where the quotient is one, else the nearest float: 6 / 2 is 3, 7 / 2
    /// is 3.5.
    Divide,
    /// value to the power of operand. Integers give an integer, with a negative operand a float.
    Power,
    /// The remainder of value / operand with the sign of the operand, as in Python: -7 modulo 3 is 2.
    Modulo,
}

/// Why an operation has no result.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A division or modulo by zero.
    #[error("cannot divide {0} by zero")]
    DivisionByZero(Number),
    /// Zero to a negative power, which is a division by zero.
    #[error("cannot raise zero to the power of {0}")]
    ZeroToNegativePower(Number),
    /// The exact result is past 128 bits.
    #[error("the result has more than 128 bits")]
    TooLarge,
}

impl Operation {
    /// The sign that stands for it in messages.
    pub fn symbol(self) -> &'static str {
        match self {
            Operation::Add => "+",
            Operation::Subtract => "-",
            Operation::Multiply => "*",
            Operation::Divide => "/",
            Operation::Power => "**",
            Operation::Modulo => "%",
        }
    }

    /// Computes with two numbers: exactly if both are integers and the result is one, else in 64-bit floats.
    ///
    /// # Errors
    /// On a division by zero, or an integer past 128 bits.
    pub fn apply(self, value: Number, operand: Number) -> Result<Number, Fault> {
        match (value, operand) {
            (Number::Int(value), Number::Int(operand)) => self.apply_integers(value, operand),
            _ => self.apply_floats(value.to_f64(), operand.to_f64()).map(Number::Float),
        }
    }

    /// Computes with two integers.
    ///
    /// # Errors
    /// On a division by zero, or an integer past 128 bits.
    pub fn apply_integers(self, value: i128, operand: i128) -> Result<Number, Fault> {
        let by_zero = Fault::DivisionByZero(Number::Int(value));
        let result = match self {
            Operation::Add => value.checked_add(operand),
            Operation::Subtract => value.checked_sub(operand),
            Operation::Multiply => value.checked_mul(operand),
            Operation::Divide | Operation::Modulo if operand == 0 => return Err(by_zero),
            Operation::Divide if value.checked_rem(operand) != Some(0) => {
                return Ok(Number::Float(quotient(value, operand)));
            }
            Operation::Divide => value.checked_div(operand),
            Operation::Modulo => value.checked_rem(operand).map(|remainder| {
                let opposite = remainder != 0 && (remainder < 0) != (operand < 0);
                if opposite { remainder + operand } else { remainder }
            }),
            Operation::Power if operand < 0 => {
                return self.apply_floats(value as f64, operand as f64).map(Number::Float).map_err(
                    |fault| match fault {
                        Fault::ZeroToNegativePower(_) => Fault::ZeroToNegativePower(Number::Int(operand)),
                        fault => fault,
                    },
                );
            }
            Operation::Power => power(value, operand),
        };
        result.map(Number::Int).ok_or(Fault::TooLarge)
    }

    /// Computes with two floats. A result past their range is infinite, one that is no real number is NaN, as IEEE 754
    /// has it.
    ///
    /// # Errors
    /// On a division by zero.
    pub fn apply_floats(self, value: f64, operand: f64) -> Result<f64, Fault> {
        Ok(match self {
            Operation::Add => value + operand,
            Operation::Subtract => value - operand,
            Operation::Multiply => value * operand,
            Operation::Divide | Operation::Modulo if operand == 0.0 => {
                return Err(Fault::DivisionByZero(Number::Float(value)));
            }
            Operation::Divide => value / operand,
            Operation::Modulo => {
                let remainder = value % operand;
                if remainder == 0.0 {
                    0f64.copysign(operand)
                } else if (remainder < 0.0) != (operand < 0.0) {
                    remainder + operand
                } else {
                    remainder
                }
            }
            Operation::Power if value == 0.0 && operand < 0.0 => {
                return Err(Fault::ZeroToNegativePower(Number::Float(operand)));
            }
            Operation::Power => value.powf(operand),
        })
    }
}

impl Number {
    /// The nearest float.
    pub fn to_f64(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Int(value) => value.fmt(formatter),
            Number::Float(value) => write!(formatter, "{value:?}"),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number")
            }

            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(Number::Int(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
                Ok(Number::Int(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(Number::Float(value))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}

impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// The float nearest to `value / divisor`, ties to even, also where the integers themselves are not floats.
fn quotient(value: i128, divisor: i128) -> f64 {
    let negative = (value < 0) != (divisor < 0);
    let (value, divisor) = (value.unsigned_abs(), divisor.unsigned_abs());
    // With the dividend shifted to 128 bits the quotient by 64 bits has at least 64: more than a float's 53 and the two
    // that decide the rounding. The last bit stands for everything behind it.
    let shift = value.leading_zeros();
    let shifted = value << shift;
    let sticky = u128::from(!shifted.is_multiple_of(divisor));
    let magnitude = ((shifted / divisor) | sticky) as f64 / 2f64.powi(shift as i32);
    if negative { -magnitude } else { magnitude }
}

fn power(base: i128, exponent: i128) -> Option<i128> {
    match u32::try_from(exponent) {
        Ok(exponent) => base.checked_pow(exponent),
        // Only these have bounded powers, and only the parity of the exponent matters to them.
        Err(_) if (-1..=1).contains(&base) => base.checked_pow(2 + (exponent % 2) as u32),
        Err(_) => None,
    }
}
