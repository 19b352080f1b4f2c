import CKernels
import Graphs

extension Shape {
    /// Strides of this shape's elements along the axes of a larger shape: 0 where it is repeated.
    func strides(within larger: Shape) -> [Int] {
        let (own, added) = (strides, larger.rank - rank)
        return larger.dimensions.indices.map { axis in
            axis < added || (dimensions[axis - added] == 1 && larger[axis] != 1) ? 0 : own[axis - added]
        }
    }
}

extension BroadcastTo: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y) = (site.operands[0], site.results[0])
        return StridedCopy(shape.dimensions, x: x.type.shape.strides(within: shape), y: shape.strides)
            .instruction(name, x, y)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension BinaryFunction {
    /// The number of the function in C.
    fileprivate var kernelCode: Int32 {
        let code: lk_binary_function =
            switch self {
            case .add: LK_SUM
            case .subtract: LK_DIFFERENCE
            case .multiply: LK_PRODUCT
            case .divide: LK_QUOTIENT
            case .maximum: LK_MAXIMUM
            case .minimum: LK_MINIMUM
            case .power: LK_POWER
            case .less: LK_LESS
            case .greater: LK_GREATER
            case .equal: LK_EQUAL
            }
        return Int32(code.rawValue)
    }
}

extension BinaryOperation: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0, 1], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y, z) = (site.operands[0], site.operands[1], site.results[0])
        let shape = z.type.shape
        var template = lk_binary_arguments()
        template.function = function.kernelCode
        (template.x_type, template.y_type, template.z_type) = (x.kernelType, y.kernelType, z.kernelType)
        let axes = StridedCopy(
            shape.dimensions, x: x.type.shape.strides(within: shape), y: y.type.shape.strides(within: shape))
        // The same walk over both operands; the result is dense.
        let walk = axes.arguments(from: x.kernelType, to: y.kernelType)
        template.rank = walk.rank
        template.extents = walk.extents
        template.x_strides = walk.x_strides
        template.y_strides = walk.y_strides
        return Instruction(label: name) { [template] frame in
            var call = template
            lk_binary(&call, x.slot.bytes(frame), y.slot.bytes(frame), z.slot.bytes(frame))
        }
    }
}

extension UnaryFunction {
    /// The number of the function in C.
    fileprivate var kernelCode: Int32 {
        let code: lk_unary_function =
            switch self {
            case .exp: LK_EXP
            case .log: LK_LOG
            case .square: LK_SQUARE
            case .squareRoot: LK_SQUARE_ROOT
            case .absolute: LK_ABSOLUTE
            case .reciprocal: LK_RECIPROCAL
            }
        return Int32(code.rawValue)
    }
}

extension UnaryOperation: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y, code) = (site.operands[0], site.results[0], function.kernelCode)
        let (xType, yType, count) = (x.kernelType, y.kernelType, y.type.shape.elementCount)
        return Instruction(label: name) {
            lk_unary(code, x.slot.bytes($0), xType, y.slot.bytes($0), yType, count)
        }
    }
}
