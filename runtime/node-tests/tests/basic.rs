//! The nodes for any value, driven through the node contract as the scheduler does it.

use std::sync::Arc;

use harness::drive::{prepare, refusal, run};
use proptest::prelude::*;
use remotemedia_core::node::{Node, NodeError};
use remotemedia_core::value::{Buffer, DataType, Packet, Tensor, Value};
use serde_json::{Value as Json, json};

/// The one packet that a node emits for one packet, which is an item of its own.
fn process(node: &mut dyn Node, packet: Packet) -> Result<Packet, NodeError> {
    let mut emitted = run(node, [packet])?;
    assert_eq!(emitted.len(), 1);
    Ok(emitted.remove(0))
}

fn calculate(operation: &str, operand: Json, value: Value) -> Result<Value, String> {
    let mut node = prepare("Calculator", json!({"operation": operation, "operand": operand})).expect("valid params");
    match process(&mut *node, value.into()) {
        Ok(packet) => Ok(packet.value),
        Err(error) => Err(format!("{}. {}", error.cause, error.cure)),
    }
}

fn ints(values: &[i64]) -> Value {
    Value::list(values.iter().copied().map(Value::Int).collect())
}

fn tensor<T: bytemuck::Pod>(data_type: DataType, shape: &[usize], elements: &[T]) -> Tensor {
    let bytes = Buffer::aligned_copy(bytemuck::cast_slice(elements));
    Tensor::contiguous(data_type, shape.to_vec(), bytes).expect("a valid tensor")
}

#[test]
fn pass_through_hands_on_the_same_packet_and_memory() {
    let buffer = Buffer::from_bytes(vec![7; 100_000]);
    let packet = Packet::new(Value::Bytes(Box::new(buffer.clone()))).at(Some(5), Some(6));
    let mut node = prepare("PassThrough", json!({})).expect("valid params");
    let out = process(&mut *node, packet.clone()).expect("it passes");
    assert_eq!(out, packet);
    let Value::Bytes(bytes) = out.value else { panic!("expected bytes") };
    assert!(bytes.same_memory(&buffer));
}

#[test]
fn nodes_without_params_refuse_any() {
    for node_type in ["PassThrough", "Echo"] {
        let message = refusal(node_type, json!({"gain": 1}));
        assert_eq!(message, format!(": expected params of {node_type}, got unknown field `gain`, there are no fields"));
    }
}

#[test]
fn echo_counts_from_one_across_items_and_keeps_its_key_order() {
    let mut node = prepare("Echo", json!({})).expect("valid params");
    for counter in 1..=3 {
        let packet = Packet::new(Value::text("hello")).at(Some(10 * counter), Some(10));
        let out = process(&mut *node, packet).expect("it echoes");
        let expected =
            [("input", Value::text("hello")), ("counter", Value::Int(counter)), ("node", Value::text("here"))];
        let Value::Map(map) = &out.value else { panic!("expected a map") };
        assert!(map.iter().map(|(key, value)| (&**key, value)).eq(expected.iter().map(|(key, value)| (*key, value))));
        assert_eq!((out.pts, out.duration), (Some(10 * counter), Some(10)));
    }
}

#[test]
fn echo_counts_anew_in_each_instance() {
    for _ in 0..2 {
        let mut node = prepare("Echo", json!({})).expect("valid params");
        let Value::Map(map) = process(&mut *node, Value::Null.into()).expect("it echoes").value else {
            panic!("expected a map")
        };
        assert_eq!(map["counter"], Value::Int(1));
    }
}

#[test]
fn calculator_keeps_integers_exact_over_the_whole_range() {
    let max = Value::UInt(u64::MAX);
    assert_eq!(calculate("add", json!(5), ints(&[1, 2, 3])), Ok(ints(&[6, 7, 8])));
    assert_eq!(calculate("add", json!(u64::MAX), Value::Int(0)), Ok(max.clone()));
    assert_eq!(calculate("add", json!(i64::MIN), max.clone()), Ok(Value::Int(i64::MAX)));
    assert_eq!(calculate("subtract", json!(1), Value::UInt(1 << 63)), Ok(Value::Int(i64::MAX)));
    assert_eq!(calculate("multiply", json!(2), Value::Int(i64::MAX)), Ok(Value::UInt(u64::MAX - 1)));
    assert_eq!(calculate("divide", json!(5), max.clone()), Ok(Value::Int(3_689_348_814_741_910_323)));
    assert_eq!(calculate("power", json!(63), Value::Int(2)), Ok(Value::UInt(1 << 63)));
    assert_eq!(calculate("modulo", json!(10), max), Ok(Value::Int(5)));
}

#[test]
fn calculator_refuses_integers_past_64_bits() {
    let cases = [
        ("add", json!(1), Value::UInt(u64::MAX), "18446744073709551615 + 1", "1.0"),
        ("subtract", json!(1), Value::Int(i64::MIN), "-9223372036854775808 - 1", "1.0"),
        (
            "multiply",
            json!(u64::MAX),
            Value::UInt(u64::MAX),
            "18446744073709551615 * 18446744073709551615",
            "1.8446744073709552e19",
        ),
        ("power", json!(64), Value::Int(2), "2 ** 64", "64.0"),
        ("power", json!(u64::MAX), Value::Int(-2), "-2 ** 18446744073709551615", "1.8446744073709552e19"),
    ];
    for (operation, operand, value, formula, cure) in cases {
        let expected = format!("{formula} does not fit 64 bits. Use the float operand {cure} if rounding will do.");
        assert_eq!(calculate(operation, operand, value), Err(expected));
    }
    assert_eq!(
        calculate("add", json!(1), Value::list(vec![Value::Int(0), ints(&[1, i64::MAX]), Value::UInt(u64::MAX)])),
        Err("at [2]: 18446744073709551615 + 1 does not fit 64 bits. Use the float operand 1.0 if rounding will do."
            .into())
    );
}

#[test]
fn calculator_divides_to_an_integer_where_there_is_one() {
    assert_eq!(calculate("divide", json!(2), Value::Int(6)), Ok(Value::Int(3)));
    assert_eq!(calculate("divide", json!(2), Value::Int(7)), Ok(Value::Float(3.5)));
    assert_eq!(calculate("divide", json!(-2), Value::Int(7)), Ok(Value::Float(-3.5)));
    assert_eq!(calculate("divide", json!(2.0), Value::Int(6)), Ok(Value::Float(3.0)));
    // Integers that are no floats themselves.
    assert_eq!(calculate("divide", json!(2), Value::Int(i64::MAX)), Ok(Value::Float(4_611_686_018_427_387_904.0)));
    assert_eq!(calculate("divide", json!(u64::MAX), Value::Int(1)), Ok(Value::Float(2f64.powi(-64))));
    let list = Value::list(vec![Value::Int(6), Value::list(vec![Value::Int(7), Value::Float(1.0)])]);
    let halves = Value::list(vec![Value::Int(3), Value::list(vec![Value::Float(3.5), Value::Float(0.5)])]);
    assert_eq!(calculate("divide", json!(2), list), Ok(halves));
}

#[test]
fn calculator_rounds_a_quotient_once() {
    // The values of Python's int / int, which is correctly rounded. To divide the rounded floats gives others:
    // 0.9999999999999996 and 2573485501354569.0.
    let cases: [(i64, i64, f64); 2] = [
        (9_007_199_254_740_993, 9_007_199_254_740_995, 0.999_999_999_999_999_8),
        (18_014_398_509_481_985, 7, 2_573_485_501_354_569.5),
    ];
    for (value, operand, expected) in cases {
        assert_eq!(calculate("divide", json!(operand), Value::Int(value)), Ok(Value::Float(expected)));
    }
}

#[test]
fn calculator_takes_the_sign_of_a_remainder_from_the_operand() {
    for (value, operand, expected) in [(7, 3, 1), (-7, 3, 2), (7, -3, -2), (-7, -3, -1), (6, -3, 0), (-6, 3, 0)] {
        assert_eq!(calculate("modulo", json!(operand), Value::Int(value)), Ok(Value::Int(expected)));
        let float = calculate("modulo", json!(operand as f64), Value::Float(value as f64)).expect("a remainder");
        assert_eq!(float, Value::Float(expected as f64));
        let Value::Float(float) = float else { panic!("expected a float") };
        assert!(float != 0.0 || float.is_sign_negative() == (operand < 0), "a zero has the operand's sign too");
    }
}

#[test]
fn calculator_raises_to_powers() {
    assert_eq!(calculate("power", json!(10), Value::Int(-3)), Ok(Value::Int(59_049)));
    assert_eq!(calculate("power", json!(0), Value::Int(0)), Ok(Value::Int(1)));
    assert_eq!(calculate("power", json!(-2), Value::Int(4)), Ok(Value::Float(0.0625)));
    assert_eq!(calculate("power", json!(u64::MAX), ints(&[-1, 0, 1])), Ok(ints(&[-1, 0, 1])));
    assert_eq!(calculate("power", json!(u64::MAX - 1), ints(&[-1])), Ok(ints(&[1])));
    assert_eq!(calculate("power", json!(400), Value::Float(10.0)), Ok(Value::Float(f64::INFINITY)));
    let root = calculate("power", json!(0.5), Value::Int(-1));
    assert!(matches!(root, Ok(Value::Float(root)) if root.is_nan()));
}

#[test]
fn calculator_refuses_to_divide_by_zero() {
    let cure = "Keep zeros away from this node, or choose another operand.";
    let power = |value| calculate("power", json!(-1), value);
    assert_eq!(power(Value::Int(0)), Err(format!("cannot raise zero to the power of -1. {cure}")));
    assert_eq!(power(Value::Float(0.0)), Err(format!("cannot raise zero to the power of -1.0. {cure}")));
    assert_eq!(power(ints(&[1, 0])), Err(format!("at [1]: cannot raise zero to the power of -1. {cure}")));
    // Too small for the tensor's type: the operand is zero there.
    for operation in ["divide", "modulo"] {
        let divided = calculate(operation, json!(1e-60), tensor(DataType::Float32, &[1, 2], &[3f32, 4.0]).into());
        let why = "the operand 1e-60 is zero in float32, and nothing can be divided by it";
        assert_eq!(divided, Err(format!("{why}. Convert the tensor to float64 first.")));
    }
    let multiplied = calculate("multiply", json!(1e-60), tensor(DataType::Float32, &[1], &[3f32]).into());
    assert_eq!(multiplied, Ok(tensor(DataType::Float32, &[1], &[0f32]).into()));
}

#[test]
fn calculator_names_what_it_was_to_divide_by_zero() {
    let cure = "Keep zeros away from this node, or choose another operand.";
    let cases = [("divide", json!(0), "8"), ("modulo", json!(0.0), "8.0"), ("divide", json!(-0.0), "8.0")];
    for (operation, operand, number) in cases {
        assert_eq!(
            calculate(operation, operand, ints(&[8, 3])),
            Err(format!("at [0]: cannot divide {number} by zero. {cure}"))
        );
    }
    assert_eq!(calculate("divide", json!(0), Value::Int(3)), Err(format!("cannot divide 3 by zero. {cure}")));
}

#[test]
fn calculator_names_what_is_no_number() {
    let cases = [
        (Value::text("5"), "expected a number, got str. Convert it to an int or a float first."),
        (Value::Bool(true), "expected a number, got bool. Send 1 or 0 for a truth value."),
        (Value::Null, "expected a number, got null. Send a number, a list of numbers or a tensor."),
        (
            Value::list(vec![Value::Int(1), Value::list(vec![Value::Int(2), Value::text("3")])]),
            "at [1][1]: expected a number, got str. Convert it to an int or a float first.",
        ),
        (
            Value::list(vec![tensor(DataType::Int8, &[1], &[1i8]).into()]),
            "at [0]: expected a number, got tensor. Send each tensor as an input of its own.",
        ),
    ];
    for (value, message) in cases {
        assert_eq!(calculate("add", json!(5), value), Err(message.to_owned()));
    }
}

#[test]
fn calculator_refuses_an_operand_that_is_no_number() {
    let message = refusal("Calculator", json!({"operation": "add", "operand": "5"}));
    assert_eq!(message, ": expected params of Calculator, got invalid type: string \"5\", expected a number");
    let schema = &harness::drive::registry().get("Calculator").expect("a built-in node").params_schema.clone();
    assert_eq!(schema["properties"]["operand"]["type"], json!("number"));
    assert_eq!(schema["required"], json!(["operation", "operand"]));
}

#[test]
fn calculator_keeps_data_type_and_shape_of_a_tensor() {
    let value = tensor(DataType::Int16, &[2, 3], &[1i16, 2, 3, 4, 5, 6]);
    let expected = tensor(DataType::Int16, &[2, 3], &[-9i16, -8, -7, -6, -5, -4]);
    assert_eq!(calculate("add", json!(-10), value.into()), Ok(expected.into()));
    let value = tensor(DataType::Float32, &[3], &[1f32, 2.0, 3.0]);
    let expected = tensor(DataType::Float32, &[3], &[1f32 + 0.1, 2.0 + 0.1, 3.0 + 0.1]);
    assert_eq!(calculate("add", json!(0.1), value.into()), Ok(expected.into()));
    let half = |value| half::f16::from_f32(value);
    let value = tensor(DataType::Float16, &[2], &[half(1.0), half(-2.5)]);
    let expected = tensor(DataType::Float16, &[2], &[half(3.0), half(-7.5)]);
    assert_eq!(calculate("multiply", json!(3), value.into()), Ok(expected.into()));
    let value = tensor(DataType::UInt64, &[], &[u64::MAX - 1]);
    assert_eq!(calculate("add", json!(1), value.into()), Ok(tensor(DataType::UInt64, &[], &[u64::MAX]).into()));
    let empty = tensor::<i32>(DataType::Int32, &[0, 3], &[]);
    assert_eq!(calculate("add", json!(1), empty.clone().into()), Ok(empty.into()));
}

#[test]
fn calculator_makes_floats_of_integer_tensors_where_results_are_fractions() {
    let value = || Value::from(tensor(DataType::Int8, &[3], &[6i8, 7, -8]));
    let floats = |elements: &[f64]| Ok(Value::from(tensor(DataType::Float64, &[3], elements)));
    assert_eq!(calculate("divide", json!(2), value()), floats(&[3.0, 3.5, -4.0]));
    assert_eq!(calculate("power", json!(-1), value()), floats(&[1.0 / 6.0, 1.0 / 7.0, -0.125]));
    assert_eq!(calculate("add", json!(0.5), value()), floats(&[6.5, 7.5, -7.5]));
}

#[test]
fn calculator_walks_strides() {
    let base = Buffer::aligned_copy(bytemuck::cast_slice(&[0i32, 1, 2, 3, 4, 5]));
    // The 2 x 3 array, transposed, its rows reversed.
    let value = Tensor::new(DataType::Int32, vec![3, 2], vec![-4, 12], base, 8).expect("a valid tensor");
    let expected = tensor(DataType::Int32, &[3, 2], &[12i32, 15, 11, 14, 10, 13]);
    assert_eq!(calculate("add", json!(10), value.into()), Ok(expected.into()));
}

#[test]
fn calculator_leaves_its_input_as_it_was() {
    let value = tensor(DataType::Int32, &[2], &[1i32, 2]);
    let before = value.gather();
    calculate("add", json!(1), value.clone().into()).expect("a result");
    assert_eq!(value.gather(), before);
}

#[test]
fn calculator_names_the_element_of_a_tensor_that_overflows() {
    let value = tensor(DataType::UInt8, &[2, 2], &[1u8, 2, 3, 250]);
    assert_eq!(
        calculate("add", json!(10), value.into()),
        Err("at [1, 1]: 250 + 10 does not fit uint8. Convert the tensor to a wider type, or use the float operand 10.0.".into())
    );
    let half = tensor(DataType::Float16, &[1], &[half::f16::ONE]);
    assert_eq!(
        calculate("add", json!(70_000), half.into()),
        Err("the operand 70000 is past the range of float16. Convert the tensor to float64 first.".into())
    );
    let truth = tensor(DataType::Bool, &[1], &[1u8]);
    assert_eq!(
        calculate("add", json!(1), truth.into()),
        Err("a tensor of bool is not one of numbers to calculate with. Convert it to integers or floats first.".into())
    );
}

#[test]
fn calculator_keeps_the_time_of_a_packet() {
    let mut node = prepare("Calculator", json!({"operation": "add", "operand": 1})).expect("valid params");
    let out = process(&mut *node, Packet::new(Value::Int(1)).at(Some(3), Some(4))).expect("a result");
    assert_eq!(out, Packet::new(Value::Int(2)).at(Some(3), Some(4)));
}

#[test]
fn a_type_answers_to_its_name_with_node_behind_it() {
    let registry = harness::drive::registry();
    for name in ["PassThrough", "Echo", "Calculator"] {
        let alias = registry.get(&format!("{name}Node")).expect("the alias");
        assert!(Arc::ptr_eq(alias, registry.get(name).expect("the type")));
        assert!(alias.example.is_object());
    }
}

proptest! {
    /// A list and a tensor have the results of their numbers one by one, where these have a common type.
    #[test]
    fn lists_and_tensors_agree_with_scalars(
        operation in prop::sample::select(vec!["add", "subtract", "multiply", "modulo"]),
        operand in prop_oneof![-1000i64..0, 1i64..1000],
        values in prop::collection::vec(-1_000_000i64..1_000_000, 1..20),
    ) {
        let one_by_one: Vec<Value> = values
            .iter()
            .map(|&value| calculate(operation, json!(operand), Value::Int(value)).expect("in range"))
            .collect();
        prop_assert_eq!(calculate(operation, json!(operand), ints(&values)), Ok(Value::list(one_by_one.clone())));
        let elements: Vec<i64> =
            one_by_one.iter().map(|value| if let Value::Int(value) = value { *value } else { panic!("an int") }).collect();
        let result = calculate(operation, json!(operand), tensor(DataType::Int64, &[values.len()], &values).into());
        prop_assert_eq!(result, Ok(tensor(DataType::Int64, &[values.len()], &elements).into()));
    }

    /// The quotient of integers is the float nearest to it: no neighbour is closer.
    #[test]
    fn a_quotient_is_within_half_a_step(value in 1u64.., operand in 1u64..) {
        prop_assume!(!value.is_multiple_of(operand));
        let Ok(Value::Float(quotient)) = calculate("divide", json!(operand), Value::from_u64(value)) else {
            panic!("expected a float")
        };
        // Exact as integers: quotient = mantissa * 2^exponent with 53 bits of mantissa, so that
        // |value * 2^-exponent - mantissa * operand| * 2 <= operand.
        let exponent = ((quotient.to_bits() >> 52) as i32) - 1075;
        let mantissa = i128::from((quotient.to_bits() & ((1 << 52) - 1)) | (1 << 52));
        prop_assume!(exponent <= 0 && exponent > -63);
        let difference = (i128::from(value) << -exponent) - mantissa * i128::from(operand);
        prop_assert!(difference.abs() * 2 <= i128::from(operand));
    }
}
