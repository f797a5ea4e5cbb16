//! What a kernel may be made of, by opcode: the exact subset (DESIGN §1) as SPIR-V sees it, and advice for what is not.

use spirv::{Capability, Decoration, ExecutionMode, GlslStd450Op, Op};

/// Instructions outside of functions.
pub const DECLARATIONS: &[Op] = &[
    Op::Capability,
    Op::Extension,
    Op::ExtInstImport,
    Op::MemoryModel,
    Op::EntryPoint,
    Op::ExecutionMode,
    Op::Name,
    Op::MemberName,
    Op::Decorate,
    Op::MemberDecorate,
    Op::TypeVoid,
    Op::TypeBool,
    Op::TypeInt,
    Op::TypeFloat,
    Op::TypeVector,
    Op::TypeArray,
    Op::TypeRuntimeArray,
    Op::TypeStruct,
    Op::TypePointer,
    Op::TypeFunction,
    Op::Constant,
    Op::ConstantComposite,
    Op::ConstantNull,
    Op::ConstantTrue,
    Op::ConstantFalse,
    Op::Variable,
];

/// Instructions of function bodies.
pub const BODY: &[Op] = &[
    Op::Function,
    Op::FunctionParameter,
    Op::FunctionEnd,
    Op::FunctionCall,
    Op::Variable,
    Op::Load,
    Op::Store,
    Op::AccessChain,
    Op::ArrayLength,
    Op::CopyObject,
    Op::CompositeConstruct,
    Op::CompositeExtract,
    Op::CompositeInsert,
    Op::VectorShuffle,
    Op::VectorExtractDynamic,
    Op::VectorInsertDynamic,
    Op::Bitcast,
    Op::ConvertFToS,
    Op::ConvertFToU,
    Op::ConvertSToF,
    Op::ConvertUToF,
    Op::FNegate,
    Op::FAdd,
    Op::FSub,
    Op::FMul,
    Op::VectorTimesScalar,
    Op::FOrdEqual,
    Op::FOrdNotEqual,
    Op::FUnordNotEqual,
    Op::FOrdLessThan,
    Op::FOrdLessThanEqual,
    Op::FOrdGreaterThan,
    Op::FOrdGreaterThanEqual,
    Op::SNegate,
    Op::IAdd,
    Op::ISub,
    Op::IMul,
    Op::UDiv,
    Op::SDiv,
    Op::UMod,
    Op::ShiftLeftLogical,
    Op::ShiftRightLogical,
    Op::ShiftRightArithmetic,
    Op::BitwiseOr,
    Op::BitwiseXor,
    Op::BitwiseAnd,
    Op::Not,
    Op::BitFieldInsert,
    Op::BitFieldSExtract,
    Op::BitFieldUExtract,
    Op::BitReverse,
    Op::BitCount,
    Op::IEqual,
    Op::INotEqual,
    Op::UGreaterThan,
    Op::UGreaterThanEqual,
    Op::ULessThan,
    Op::ULessThanEqual,
    Op::SGreaterThan,
    Op::SGreaterThanEqual,
    Op::SLessThan,
    Op::SLessThanEqual,
    Op::Any,
    Op::All,
    Op::LogicalEqual,
    Op::LogicalNotEqual,
    Op::LogicalOr,
    Op::LogicalAnd,
    Op::LogicalNot,
    Op::Select,
    Op::ExtInst,
    Op::ControlBarrier,
    Op::MemoryBarrier,
    Op::Label,
    Op::Branch,
    Op::BranchConditional,
    Op::Switch,
    Op::LoopMerge,
    Op::SelectionMerge,
    Op::Return,
    Op::ReturnValue,
    Op::Unreachable,
];

/// Float instructions of [`BODY`] that round, and so must carry `NoContraction`.
pub const ROUNDING: &[Op] = &[Op::FNegate, Op::FAdd, Op::FSub, Op::FMul, Op::VectorTimesScalar];

/// Extended instructions of GLSL.std.450; `FClamp` only where it guards a conversion.
pub const EXTENDED: &[GlslStd450Op] = &[
    GlslStd450Op::Trunc,
    GlslStd450Op::Floor,
    GlslStd450Op::Ceil,
    GlslStd450Op::FAbs,
    GlslStd450Op::SAbs,
    GlslStd450Op::SSign,
    GlslStd450Op::UMin,
    GlslStd450Op::SMin,
    GlslStd450Op::UMax,
    GlslStd450Op::SMax,
    GlslStd450Op::FClamp,
    GlslStd450Op::FindILsb,
    GlslStd450Op::FindSMsb,
    GlslStd450Op::FindUMsb,
];

/// Capabilities; the float controls are requested by hosts whose driver has them.
pub const CAPABILITIES: &[Capability] =
    &[Capability::Shader, Capability::RoundingModeRTE, Capability::SignedZeroInfNanPreserve];

/// Extensions.
pub const EXTENSIONS: &[&str] = &["SPV_KHR_storage_buffer_storage_class", "SPV_KHR_float_controls"];

/// Execution modes.
pub const MODES: &[ExecutionMode] =
    &[ExecutionMode::LocalSize, ExecutionMode::RoundingModeRTE, ExecutionMode::SignedZeroInfNanPreserve];

/// Decorations.
pub const DECORATIONS: &[Decoration] = &[
    Decoration::NoContraction,
    Decoration::ArrayStride,
    Decoration::Block,
    Decoration::Offset,
    Decoration::NonWritable,
    Decoration::NonReadable,
    Decoration::Binding,
    Decoration::DescriptorSet,
    Decoration::BuiltIn,
];

/// What to do instead of a forbidden instruction.
pub fn advice(op: Op) -> &'static str {
    match op {
        Op::FDiv => "division is not correctly rounded on every device; use `div` of math.wgsl",
        Op::FRem | Op::FMod => "the remainder of floats is not exact; use `x - floor(div(x, y)) * y`",
        Op::Dot => "the order of its sum is open; use `dot3` of math.wgsl",
        Op::MatrixTimesScalar
        | Op::VectorTimesMatrix
        | Op::MatrixTimesVector
        | Op::MatrixTimesMatrix
        | Op::OuterProduct
        | Op::Transpose
        | Op::TypeMatrix => "the order of matrix sums is open; write columns as vectors and sum them",
        Op::FConvert | Op::QuantizeToF16 => {
            "conversions between float sizes differ; pack by integer operations"
        }
        Op::SRem | Op::SMod => {
            "the sign of its result is undefined for negative operands; naga writes a − b·(a/b)"
        }
        Op::SpecConstant | Op::SpecConstantOp | Op::SpecConstantComposite => "use a `const` or a parameter",
        Op::Undef => "an undefined value differs from device to device; give it a value",
        Op::Kill | Op::TerminateInvocation | Op::DemoteToHelperInvocation => {
            "invocations must reach their end"
        }
        Op::DPdx | Op::DPdy | Op::Fwidth => "derivatives depend on neighbours; compute them",
        _ if format!("{op:?}").starts_with("Atomic") => {
            "what an atomic returns depends on order; give every lane its own place"
        }
        _ if format!("{op:?}").starts_with("Image") || format!("{op:?}").starts_with("TypeImage") => {
            "filtering differs from device to device; read texels from a storage buffer"
        }
        _ if format!("{op:?}").contains("GroupNonUniform") => "subgroups differ from device to device",
        _ => "it is not on the list of exact instructions",
    }
}

/// What to do instead of a forbidden extended instruction.
pub fn extended_advice(op: GlslStd450Op) -> &'static str {
    use GlslStd450Op as Gl;
    match op {
        Gl::Sqrt | Gl::InverseSqrt => "its rounding differs; use `sqrt_` of math.wgsl",
        Gl::Fma => "it may or may not fuse; write `a * b + c`, which never does here",
        Gl::FMin | Gl::FMax | Gl::NMin | Gl::NMax => {
            "zeros and NaN differ; use `fmin` and `fmax` of math.wgsl"
        }
        Gl::FClamp | Gl::NClamp => "zeros and NaN differ; use `clamp_` of math.wgsl",
        Gl::FMix | Gl::Step | Gl::SmoothStep => "its formula is open; use `mix_` of math.wgsl or a select",
        Gl::Length
        | Gl::Distance
        | Gl::Normalize
        | Gl::Cross
        | Gl::FaceForward
        | Gl::Reflect
        | Gl::Refract => "the order of its sums is open; use the function of math.wgsl",
        Gl::FSign => "zeros differ; use a select",
        Gl::Round | Gl::RoundEven => "ties differ; use `floor(x + 0.5)`",
        Gl::Fract => "its formula is open; use `x - floor(x)`",
        Gl::Modf | Gl::ModfStruct | Gl::Frexp | Gl::FrexpStruct | Gl::Ldexp => {
            "take floats apart by integer operations"
        }
        Gl::Radians | Gl::Degrees => "multiply by a constant",
        _ if format!("{op:?}").contains("ack") => {
            "packing of floats rounds differently; pack by integer operations"
        }
        _ => "its precision differs from device to device; write it from exact operations",
    }
}
