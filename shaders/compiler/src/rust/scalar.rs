//! One WGSL scalar operation as a Rust expression of the same bits as naga's SPIR-V. Knows no vectors and no IR handles.

use naga::{BinaryOperator as Bo, MathFunction as Mf, ScalarKind as Sk, UnaryOperator as Uo};

use super::types::Unsupported;

/// A literal with its type.
pub fn literal(literal: naga::Literal) -> Unsupported<String> {
    use naga::Literal;
    Ok(match literal {
        Literal::F32(value) if !value.is_finite() => format!("f32::from_bits({:#x})", value.to_bits()),
        Literal::F32(value) if value.is_sign_negative() => format!("({value:?}f32)"),
        Literal::F32(value) => format!("{value:?}f32"),
        Literal::U32(value) => format!("{value}u32"),
        Literal::I32(value) if value < 0 => format!("({value}i32)"),
        Literal::I32(value) => format!("{value}i32"),
        Literal::Bool(value) => value.to_string(),
        other => return Err(format!("the literal {other:?}: only f32, u32, i32 and bool are supported")),
    })
}

/// A unary operator.
pub fn unary(op: Uo, kind: Sk, a: &str) -> Unsupported<String> {
    Ok(match (op, kind) {
        (Uo::Negate, Sk::Float) => format!("-{a}"),
        (Uo::Negate, Sk::Sint) => format!("{a}.wrapping_neg()"),
        (Uo::LogicalNot, Sk::Bool) | (Uo::BitwiseNot, Sk::Sint | Sk::Uint) => format!("!{a}"),
        _ => return Err(format!("{op:?} of {kind:?}")),
    })
}

/// A binary operator; shifts take a `u32` on the right.
pub fn binary(op: Bo, kind: Sk, a: &str, b: &str) -> Unsupported<String> {
    let integer = matches!(kind, Sk::Sint | Sk::Uint);
    let suffix = if kind == Sk::Sint { "i32" } else { "u32" };
    Ok(match op {
        Bo::Add if kind == Sk::Float => format!("{a} + {b}"),
        Bo::Subtract if kind == Sk::Float => format!("{a} - {b}"),
        Bo::Multiply if kind == Sk::Float => format!("{a} * {b}"),
        Bo::Add if integer => format!("{a}.wrapping_add({b})"),
        Bo::Subtract if integer => format!("{a}.wrapping_sub({b})"),
        Bo::Multiply if integer => format!("{a}.wrapping_mul({b})"),
        Bo::Divide if integer => format!("intrinsics::div_{suffix}({a}, {b})"),
        Bo::Modulo if integer => format!("intrinsics::rem_{suffix}({a}, {b})"),
        Bo::Equal => format!("{a} == {b}"),
        Bo::NotEqual => format!("{a} != {b}"),
        Bo::Less => format!("{a} < {b}"),
        Bo::LessEqual => format!("{a} <= {b}"),
        Bo::Greater => format!("{a} > {b}"),
        Bo::GreaterEqual => format!("{a} >= {b}"),
        Bo::And | Bo::LogicalAnd => format!("{a} & {b}"),
        Bo::InclusiveOr | Bo::LogicalOr => format!("{a} | {b}"),
        Bo::ExclusiveOr => format!("{a} ^ {b}"),
        Bo::ShiftLeft => format!("{a}.wrapping_shl({b})"),
        Bo::ShiftRight => format!("{a}.wrapping_shr({b})"),
        _ => return Err(format!("{op:?} of {kind:?}")),
    })
}

/// A conversion (`convert`) or a bitcast.
pub fn cast(from: Sk, to: Sk, convert: bool, a: &str) -> Unsupported<String> {
    Ok(match (from, to) {
        (from, to) if from == to => a.to_owned(),
        (Sk::Float, Sk::Uint) if !convert => format!("{a}.to_bits()"),
        (Sk::Float, Sk::Sint) if !convert => format!("{a}.to_bits() as i32"),
        (Sk::Uint, Sk::Float) if !convert => format!("f32::from_bits({a})"),
        (Sk::Sint, Sk::Float) if !convert => format!("f32::from_bits({a} as u32)"),
        (Sk::Float, Sk::Uint) => format!("intrinsics::f32_to_u32({a})"),
        (Sk::Float, Sk::Sint) => format!("intrinsics::f32_to_i32({a})"),
        (Sk::Uint | Sk::Sint, Sk::Float) => format!("{a} as f32"),
        (Sk::Uint, Sk::Sint) => format!("{a} as i32"),
        (Sk::Sint, Sk::Uint) => format!("{a} as u32"),
        (Sk::Bool, Sk::Float) => format!("if {a} {{ 1.0f32 }} else {{ 0.0f32 }}"),
        (Sk::Bool, Sk::Uint) => format!("{a} as u32"),
        (Sk::Bool, Sk::Sint) => format!("{a} as i32"),
        (Sk::Float, Sk::Bool) => format!("{a} != 0.0f32"),
        (Sk::Uint, Sk::Bool) => format!("{a} != 0u32"),
        (Sk::Sint, Sk::Bool) => format!("{a} != 0i32"),
        _ => return Err(format!("a cast from {from:?} to {to:?}")),
    })
}

/// A built-in function that works on each component alone.
pub fn math(fun: Mf, kind: Sk, args: &[&str]) -> Unsupported<String> {
    let signed = kind == Sk::Sint;
    let integer = matches!(kind, Sk::Sint | Sk::Uint);
    let suffix = if signed { "i32" } else { "u32" };
    let bits = |method: &str| {
        if signed { format!("{}.{method}() as i32", args[0]) } else { format!("{}.{method}()", args[0]) }
    };
    Ok(match fun {
        Mf::Abs if kind == Sk::Float => format!("{}.abs()", args[0]),
        Mf::Floor if kind == Sk::Float => format!("intrinsics::floor({})", args[0]),
        Mf::Ceil if kind == Sk::Float => format!("intrinsics::ceil({})", args[0]),
        Mf::Trunc if kind == Sk::Float => format!("intrinsics::trunc({})", args[0]),
        Mf::Abs if signed => format!("{}.wrapping_abs()", args[0]),
        Mf::Abs if integer => args[0].to_owned(),
        Mf::Sign if signed => format!("{}.signum()", args[0]),
        Mf::Min if integer => format!("{}.min({})", args[0], args[1]),
        Mf::Max if integer => format!("{}.max({})", args[0], args[1]),
        Mf::Clamp if integer => format!("{}.max({}).min({})", args[0], args[1], args[2]),
        Mf::CountLeadingZeros if integer => bits("leading_zeros"),
        Mf::CountTrailingZeros if integer => bits("trailing_zeros"),
        Mf::CountOneBits if integer => bits("count_ones"),
        Mf::ReverseBits if integer => format!("{}.reverse_bits()", args[0]),
        Mf::FirstLeadingBit if integer => format!("intrinsics::first_leading_bit_{suffix}({})", args[0]),
        Mf::FirstTrailingBit if integer => format!("intrinsics::first_trailing_bit_{suffix}({})", args[0]),
        Mf::ExtractBits if integer => {
            format!("intrinsics::extract_bits_{suffix}({}, {}, {})", args[0], args[1], args[2])
        }
        Mf::InsertBits if integer => {
            format!("intrinsics::insert_bits_{suffix}({}, {}, {}, {})", args[0], args[1], args[2], args[3])
        }
        _ => return Err(format!("the built-in {fun:?} of {kind:?}")),
    })
}
