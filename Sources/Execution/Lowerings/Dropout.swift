import CKernels
import Graphs

extension Dropout: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y, shape) = (site.operands[0], site.results[0], site.results[0].type.shape)
        let (xType, yType) = (x.kernelType, y.kernelType)
        let samples = shape[0]
        let width = shape.elementCount / max(samples, 1)
        var template = lk_dropout_arguments()
        template.ordinal = UInt32(ordinal)
        template.threshold = threshold
        template.scale = scale
        return Instruction(label: name) { [template] frame in
            var key = template
            key.seed = frame.pointee.seed
            key.step = UInt32(truncatingIfNeeded: frame.pointee.step)
            key.first_sample = UInt32(truncatingIfNeeded: frame.pointee.firstSample)
            lk_dropout(&key, x.slot.bytes(frame), xType, y.slot.bytes(frame), yType, samples, width)
        }
    }
}
