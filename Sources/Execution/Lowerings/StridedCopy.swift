import CKernels
import Graphs

/// A copy between two arrays that walk the same index by strides of their own: what slices, concatenations, padding,
/// transposes and repetitions are made of.
struct StridedCopy {
    private var axes: [(extent: Int, x: Int, y: Int)] = []
    private let offsets: (x: Int, y: Int)

    /// - Parameters:
    ///   - extents: of the index, outermost first.
    ///   - x: elements from one index to the next in what is read, along each axis.
    ///   - y: the same in what is written.
    init(_ extents: [Int], x: [Int], y: [Int], xOffset: Int = 0, yOffset: Int = 0) {
        offsets = (xOffset, yOffset)
        for axis in extents.indices where extents[axis] != 1 {
            if let last = axes.last, last.x == x[axis] * extents[axis], last.y == y[axis] * extents[axis] {
                axes[axes.count - 1] = (last.extent * extents[axis], x[axis], y[axis])
            } else {
                axes.append((extents[axis], x[axis], y[axis]))
            }
        }
        if axes.isEmpty { axes = [(1, 1, 1)] }
    }

    /// The kernel's arguments for a copy from `x` to `y`.
    func arguments(from x: lk_type, to y: lk_type) -> lk_copy_arguments {
        var result = lk_copy_arguments()
        result.rank = axes.count
        (result.x_offset, result.y_offset) = offsets
        (result.x_type, result.y_type) = (x, y)
        withUnsafeMutableBytes(of: &result.extents) { fill($0, axes.map(\.extent)) }
        withUnsafeMutableBytes(of: &result.x_strides) { fill($0, axes.map(\.x)) }
        withUnsafeMutableBytes(of: &result.y_strides) { fill($0, axes.map(\.y)) }
        return result
    }

    private func fill(_ memory: UnsafeMutableRawBufferPointer, _ values: [Int]) {
        for (place, value) in values.enumerated() {
            memory.storeBytes(of: value, toByteOffset: place * MemoryLayout<Int>.stride, as: Int.self)
        }
    }

    /// The instruction that copies one value into another.
    func instruction(_ label: String, _ x: Site.Value, _ y: Site.Value) -> Instruction {
        let arguments = arguments(from: x.kernelType, to: y.kernelType)
        return Instruction(label: label) { [arguments] frame in
            var call = arguments
            lk_copy(&call, x.slot.bytes(frame), y.slot.bytes(frame))
        }
    }
}

extension Shape {
    /// Elements from one index to the next along each axis of a dense row-major array.
    var strides: [Int] {
        var strides = dimensions
        var step = 1
        for axis in dimensions.indices.reversed() {
            strides[axis] = step
            step *= dimensions[axis]
        }
        return strides
    }
}
