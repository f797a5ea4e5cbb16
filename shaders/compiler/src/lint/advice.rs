//! What the lint refuses and what it recommends instead: tables over naga's IR, without places.

use naga::{Expression, MathFunction as Mf, Scalar, ScalarKind, Statement, TypeInner};

/// Every built-in function, with WGSL's name.
#[rustfmt::skip]
pub const ALL: &[(Mf, &str)] = &[
    (Mf::Abs, "abs"), (Mf::Min, "min"), (Mf::Max, "max"), (Mf::Clamp, "clamp"), (Mf::Saturate, "saturate"),
    (Mf::Cos, "cos"), (Mf::Cosh, "cosh"), (Mf::Sin, "sin"), (Mf::Sinh, "sinh"), (Mf::Tan, "tan"),
    (Mf::Tanh, "tanh"), (Mf::Acos, "acos"), (Mf::Asin, "asin"), (Mf::Atan, "atan"), (Mf::Atan2, "atan2"),
    (Mf::Asinh, "asinh"), (Mf::Acosh, "acosh"), (Mf::Atanh, "atanh"), (Mf::Radians, "radians"),
    (Mf::Degrees, "degrees"), (Mf::Ceil, "ceil"), (Mf::Floor, "floor"), (Mf::Round, "round"),
    (Mf::Fract, "fract"), (Mf::Trunc, "trunc"), (Mf::Modf, "modf"), (Mf::Frexp, "frexp"),
    (Mf::Ldexp, "ldexp"), (Mf::Exp, "exp"), (Mf::Exp2, "exp2"), (Mf::Log, "log"), (Mf::Log2, "log2"),
    (Mf::Pow, "pow"), (Mf::Dot, "dot"), (Mf::Dot4I8Packed, "dot4I8Packed"),
    (Mf::Dot4U8Packed, "dot4U8Packed"), (Mf::Outer, "outerProduct"), (Mf::Cross, "cross"),
    (Mf::Distance, "distance"), (Mf::Length, "length"), (Mf::Normalize, "normalize"),
    (Mf::FaceForward, "faceForward"), (Mf::Reflect, "reflect"), (Mf::Refract, "refract"), (Mf::Sign, "sign"),
    (Mf::Fma, "fma"), (Mf::Mix, "mix"), (Mf::Step, "step"), (Mf::SmoothStep, "smoothstep"),
    (Mf::Sqrt, "sqrt"), (Mf::InverseSqrt, "inverseSqrt"), (Mf::Inverse, "inverse"),
    (Mf::Transpose, "transpose"), (Mf::Determinant, "determinant"), (Mf::QuantizeToF16, "quantizeToF16"),
    (Mf::CountTrailingZeros, "countTrailingZeros"), (Mf::CountLeadingZeros, "countLeadingZeros"),
    (Mf::CountOneBits, "countOneBits"), (Mf::ReverseBits, "reverseBits"), (Mf::ExtractBits, "extractBits"),
    (Mf::InsertBits, "insertBits"), (Mf::FirstTrailingBit, "firstTrailingBit"),
    (Mf::FirstLeadingBit, "firstLeadingBit"), (Mf::Pack4x8snorm, "pack4x8snorm"),
    (Mf::Pack4x8unorm, "pack4x8unorm"), (Mf::Pack2x16snorm, "pack2x16snorm"),
    (Mf::Pack2x16unorm, "pack2x16unorm"), (Mf::Pack2x16float, "pack2x16float"), (Mf::Pack4xI8, "pack4xI8"),
    (Mf::Pack4xU8, "pack4xU8"), (Mf::Pack4xI8Clamp, "pack4xI8Clamp"), (Mf::Pack4xU8Clamp, "pack4xU8Clamp"),
    (Mf::Unpack4x8snorm, "unpack4x8snorm"), (Mf::Unpack4x8unorm, "unpack4x8unorm"),
    (Mf::Unpack2x16snorm, "unpack2x16snorm"), (Mf::Unpack2x16unorm, "unpack2x16unorm"),
    (Mf::Unpack2x16float, "unpack2x16float"), (Mf::Unpack4xI8, "unpack4xI8"), (Mf::Unpack4xU8, "unpack4xU8"),
];

/// WGSL's name of a built-in.
pub fn name(fun: Mf) -> &'static str {
    ALL.iter().find(|&&(other, _)| other == fun).map_or("?", |&(_, name)| name)
}

/// Whether a built-in of integers makes floats.
pub fn makes_floats(fun: Mf) -> bool {
    name(fun).starts_with("unpack") && !matches!(fun, Mf::Unpack4xI8 | Mf::Unpack4xU8)
}

/// Whether a built-in is one of integers too, and exact on them.
pub fn takes_integers(fun: Mf) -> bool {
    of_math(fun, false).is_none()
}

/// What to do instead of a built-in; `None` where it is exact.
pub fn of_math(fun: Mf, float: bool) -> Option<&'static str> {
    Some(match fun {
        Mf::Abs | Mf::Floor | Mf::Ceil | Mf::Trunc => return None,
        Mf::Min | Mf::Max if float => "zeros and NaN differ; use `fmin` and `fmax` of math.wgsl",
        Mf::Clamp | Mf::Saturate if float => {
            "zeros and NaN differ; use `clamp_` and `saturate_` of math.wgsl"
        }
        Mf::Sign if float => "zeros differ; use a select",
        Mf::Dot if float => "the order of its sum is open; use `dot3` of math.wgsl",
        Mf::Min | Mf::Max | Mf::Clamp | Mf::Sign | Mf::Dot => return None,
        Mf::CountTrailingZeros | Mf::CountLeadingZeros | Mf::CountOneBits | Mf::ReverseBits => return None,
        Mf::ExtractBits | Mf::InsertBits | Mf::FirstTrailingBit | Mf::FirstLeadingBit => return None,
        Mf::Sqrt | Mf::InverseSqrt => "its rounding differs; use `sqrt_` of math.wgsl",
        Mf::Fma => "it may or may not fuse; write `a * b + c`, which never does here",
        Mf::Mix => "its formula is open; use `mix_` of math.wgsl",
        Mf::Step | Mf::SmoothStep => "its formula is open; use a select",
        Mf::Cross => "the order of its sums is open; use `cross3` of math.wgsl",
        Mf::Normalize => "its rounding differs; use `normalize3` of math.wgsl",
        Mf::Length | Mf::Distance => "its rounding differs; use `sqrt_(dot3(v, v))` of math.wgsl",
        Mf::FaceForward | Mf::Reflect | Mf::Refract => {
            "the order of its sums is open; write it with `dot3` of math.wgsl"
        }
        Mf::Round => "ties differ; use `floor(x + 0.5)`",
        Mf::Fract => "its formula is open; use `x - floor(x)`",
        Mf::Modf | Mf::Frexp | Mf::Ldexp => "take floats apart by integer operations",
        Mf::Radians | Mf::Degrees => "multiply by a constant",
        Mf::Outer | Mf::Inverse | Mf::Transpose | Mf::Determinant => {
            "the order of matrix sums is open; write columns as vectors and sum them"
        }
        Mf::Exp | Mf::Exp2 | Mf::Log | Mf::Log2 | Mf::Pow => {
            "its precision differs from device to device; compute it where the job is submitted, or from exact operations"
        }
        Mf::Sin | Mf::Cos | Mf::Tan | Mf::Asin | Mf::Acos | Mf::Atan | Mf::Atan2 => {
            "its precision differs from device to device; use or add a function of math.wgsl"
        }
        Mf::Sinh | Mf::Cosh | Mf::Tanh | Mf::Asinh | Mf::Acosh | Mf::Atanh => {
            "its precision differs from device to device; compute it where the job is submitted"
        }
        Mf::QuantizeToF16 => "conversions between float sizes differ; pack by integer operations",
        Mf::Dot4I8Packed
        | Mf::Dot4U8Packed
        | Mf::Pack4xI8
        | Mf::Pack4xU8
        | Mf::Pack4xI8Clamp
        | Mf::Pack4xU8Clamp
        | Mf::Unpack4xI8
        | Mf::Unpack4xU8 => "the CPU backend does not have it; use shifts and `extractBits`",
        _ => "packing of floats rounds differently; pack by integer operations",
    })
}

/// What is wrong with a type, and what to do instead; parts of it not included.
pub fn of_type(inner: &TypeInner) -> Option<(&'static str, &'static str)> {
    match inner {
        TypeInner::Scalar(scalar) | TypeInner::Vector { scalar, .. } => of_scalar(*scalar),
        TypeInner::Matrix { .. } => {
            Some(("a matrix", "the order of its sums is open; write columns as vectors and sum them"))
        }
        TypeInner::CooperativeMatrix { .. } => {
            Some(("a cooperative matrix", "the order of its sums is open"))
        }
        TypeInner::Atomic(Scalar { kind: ScalarKind::Float, .. }) => Some((
            "an atomic float",
            "sums would depend on order; sum integers, each lane in a place of its own",
        )),
        TypeInner::Atomic(_) => {
            Some(("an atomic", "what it returns depends on order; give every lane a place of its own"))
        }
        TypeInner::Image { .. } => {
            Some(("a texture", "filtering differs from device to device; read texels from a storage buffer"))
        }
        TypeInner::Sampler { .. } => {
            Some(("a sampler", "filtering differs from device to device; read texels from a storage buffer"))
        }
        TypeInner::AccelerationStructure { .. } | TypeInner::RayQuery { .. } => {
            Some(("a ray query", "hardware traversal is not defined to the bit; use `trace`"))
        }
        _ => None,
    }
}

fn of_scalar(scalar: Scalar) -> Option<(&'static str, &'static str)> {
    match (scalar.kind, scalar.width) {
        (ScalarKind::Float, 2) => {
            Some(("f16", "conversions round differently; use f32, and pack by integer operations"))
        }
        (ScalarKind::Float, 8) => Some(("f64", "most devices lack it; use f32, or fixed point in two u32")),
        (ScalarKind::Sint | ScalarKind::Uint, width) if width != 4 => {
            Some(("an integer that is not of 32 bits", "most devices lack it; use u32 words"))
        }
        _ => None,
    }
}

/// What is wrong with an expression that is forbidden whatever its type.
pub fn of_expression(expression: &Expression) -> Option<(&'static str, &'static str)> {
    const TEXEL: &str = "filtering differs from device to device; read texels from a storage buffer";
    match expression {
        Expression::Derivative { .. } => {
            Some(("a derivative", "it depends on neighbouring lanes; compute it"))
        }
        Expression::ImageSample { .. } => Some(("a texture sample", TEXEL)),
        Expression::ImageLoad { .. } | Expression::ImageQuery { .. } => Some(("a texture read", TEXEL)),
        Expression::Override(_) => {
            Some(("an override", "every device must run the same words; use a parameter"))
        }
        Expression::AtomicResult { .. } => Some((
            "an atomic operation",
            "what it returns depends on order; give every lane a place of its own",
        )),
        Expression::SubgroupBallotResult | Expression::SubgroupOperationResult { .. } => {
            Some(("a subgroup operation", "subgroups differ from device to device"))
        }
        _ => None,
    }
}

/// What is wrong with a statement.
pub fn of_statement(statement: &Statement) -> Option<(&'static str, &'static str)> {
    match statement {
        Statement::Kill => Some(("discard", "every invocation must reach its end")),
        Statement::ImageStore { .. } | Statement::ImageAtomic { .. } => {
            Some(("a texture write", "write to a storage buffer"))
        }
        Statement::Atomic { .. } => Some((
            "an atomic operation",
            "what it returns depends on order; give every lane a place of its own",
        )),
        Statement::SubgroupBallot { .. }
        | Statement::SubgroupGather { .. }
        | Statement::SubgroupCollectiveOperation { .. } => {
            Some(("a subgroup operation", "subgroups differ from device to device"))
        }
        Statement::RayQuery { .. } | Statement::RayPipelineFunction(_) => {
            Some(("a ray query", "hardware traversal is not defined to the bit; use `trace`"))
        }
        _ => None,
    }
}
