import CKernels
import Graphs

/// Numbers that an instruction keeps for its whole life.
private final class ConstantTable {
    let values: UnsafeMutablePointer<Float>

    init(count: Int, _ value: (Int) -> Double) {
        values = .allocate(capacity: max(count, 1))
        values.initialize(repeating: 0, count: max(count, 1))
        for index in 0..<count { values[index] = Float(value(index)) }
    }

    deinit { values.deallocate() }
}

extension AddPositions: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, table, y) = (site.operands[0], site.operands[1].slot, site.results[0])
        let (samples, period) = y.type.shape.rows
        return Instruction(label: name) {
            lk_add_bias(
                x.slot.bytes($0), x.kernelType, table.floats($0), y.slot.bytes($0), y.kernelType, samples,
                period)
        }
    }
}

extension PositionsGradient: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: []) }

    func lower(_ site: Site) throws -> Instruction {
        let (dy, table) = (site.operands[0], site.results[0])
        let (samples, period) = dy.type.shape.rows
        let rest = table.type.shape.elementCount - period
        return Instruction(label: name) {
            lk_reduce(dy.slot.bytes($0), dy.kernelType, table.slot.floats($0), 1, samples, period, 1)
            (table.slot.floats($0) + period).update(repeating: 0, count: rest)
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { operands[0].shape.elementCount }
}

extension AddSinusoids: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y) = (site.operands[0], site.results[0])
        let (samples, period) = y.type.shape.rows
        let width = y.type.shape[2]
        let waves = ConstantTable(count: capacity.map { $0 * width } ?? period) {
            Self.wave(token: $0 / width, column: $0 % width, width: width)
        }
        if let capacity {
            let (positions, rows) = (site.operands[1].slot, samples * y.type.shape[1])
            return Instruction(label: name) { frame in
                for row in 0..<rows {
                    let place = clamped(positions.integers(frame)[row], below: capacity)
                    lk_add_bias(
                        x.slot.bytes(frame) + row * width * x.type.element.byteCount, x.kernelType,
                        waves.values + place * width,
                        y.slot.bytes(frame) + row * width * y.type.element.byteCount, y.kernelType, 1, width)
                }
            }
        }
        return Instruction(label: name) {
            lk_add_bias(
                x.slot.bytes($0), x.kernelType, waves.values, y.slot.bytes($0), y.kernelType, samples, period)
        }
    }
}

/// The nearest of the places that there are.
private func clamped(_ place: Int32, below capacity: Int) -> Int { min(max(Int(place), 0), capacity - 1) }

extension Shape {
    /// The first extent, and the elements of what is behind it.
    fileprivate var rows: (count: Int, width: Int) { (self[0], elementCount / max(self[0], 1)) }
}

extension Rotate: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y) = (site.operands[0], site.results[0])
        let half = width / 2
        // The cosines of a token's pairs, then their sines.
        let turns = ConstantTable(count: (capacity ?? y.type.shape[1]) * width) { index in
            let (token, place) = (index / width, index % width)
            let turn = turn(token: token, pair: place % half)
            return place < half ? turn.cosine : turn.sine
        }
        var template = lk_rotation_arguments()
        (template.samples, template.tokens, template.row) = (
            y.type.shape[0], y.type.shape[1], y.type.shape[2]
        )
        (template.heads, template.width) = (heads, width)
        (template.x_type, template.y_type) = (x.type.element.kernelType, y.type.element.kernelType)
        if let capacity {
            let (positions, rows) = (site.operands[1].slot, template.samples * template.tokens)
            let xStride = x.type.shape[2] * x.type.element.byteCount
            let yStride = y.type.shape[2] * y.type.element.byteCount
            (template.samples, template.tokens) = (1, 1)
            return Instruction(label: name) { [template, width] frame in
                var arguments = template
                for row in 0..<rows {
                    let place = clamped(positions.integers(frame)[row], below: capacity)
                    arguments.turns = UnsafePointer(turns.values + place * width)
                    arguments.x = UnsafeRawPointer(x.slot.bytes(frame) + row * xStride)
                    arguments.y = y.slot.bytes(frame) + row * yStride
                    lk_rotate(&arguments)
                }
            }
        }
        return Instruction(label: name) { [template] frame in
            var arguments = template
            arguments.turns = UnsafePointer(turns.values)
            arguments.x = UnsafeRawPointer(x.slot.bytes(frame))
            arguments.y = y.slot.bytes(frame)
            lk_rotate(&arguments)
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        3 * results[0].shape[0] * results[0].shape[1] * heads * width
    }
}
