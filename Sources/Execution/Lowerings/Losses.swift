import CKernels
import Graphs

/// The losses whose value and gradient one kernel computes.
enum LossKind: Equatable {
    case softmaxCrossEntropy(ignoredLabel: Int?, labelSmoothing: Double)
    case sigmoidCrossEntropy
    case squaredError

    /// The name of the loss.
    var name: String {
        switch self {
        case .softmaxCrossEntropy: "softmax-cross-entropy"
        case .sigmoidCrossEntropy: "sigmoid-cross-entropy"
        case .squaredError: "squared-error"
        }
    }

    /// The kind of a loss operation.
    init?(loss: any Lowerable) {
        switch loss {
        case let loss as SoftmaxCrossEntropy:
            self = .softmaxCrossEntropy(ignoredLabel: loss.ignoredLabel, labelSmoothing: loss.labelSmoothing)
        case is SigmoidCrossEntropy: self = .sigmoidCrossEntropy
        case is SquaredError: self = .squaredError
        default: return nil
        }
    }

    /// The kind of a loss's gradient operation.
    init?(gradient: any Lowerable) {
        switch gradient {
        case let loss as SoftmaxCrossEntropyGradient:
            self = .softmaxCrossEntropy(ignoredLabel: loss.ignoredLabel, labelSmoothing: loss.labelSmoothing)
        case is SigmoidCrossEntropyGradient: self = .sigmoidCrossEntropy
        case is SquaredErrorGradient: self = .squaredError
        default: return nil
        }
    }

    /// Whether logits and their gradient may be bfloat16.
    func precision(gradient: Int?) -> PrecisionRule {
        guard case .softmaxCrossEntropy = self else { return .float32 }
        return .follows(operands: [0], results: gradient.map { [$0] } ?? [])
    }

    /// Prepares the kernel; either result may be absent.
    func instruction(_ label: String, _ site: Site, loss: Slot?, gradient: Site.Value?) -> Instruction {
        let (logits, labels) = (site.operands[0], site.operands[1])
        let (count, isInteger) = (logits.type.shape.elementCount, labels.type.element == .int32)
        let slope = gradient?.slot
        switch self {
        case .softmaxCrossEntropy(let ignoredLabel, let labelSmoothing):
            return softmax(
                label, site, loss: loss, gradient: gradient, ignored: ignoredLabel.map(Int64.init) ?? .min,
                smoothing: Float(labelSmoothing))
        case .sigmoidCrossEntropy:
            return Instruction(label: label) {
                lk_sigmoid_cross_entropy(
                    logits.slot.floats($0), isInteger ? nil : UnsafePointer(labels.slot.floats($0)),
                    labels.slot.integers($0), count, loss?.floats($0), slope?.floats($0))
            }
        case .squaredError:
            return Instruction(label: label) {
                lk_squared_error(
                    logits.slot.floats($0), labels.slot.floats($0), count, loss?.floats($0),
                    slope?.floats($0))
            }
        }
    }
}

extension LossKind {
    private func softmax(
        _ label: String, _ site: Site, loss: Slot?, gradient: Site.Value?, ignored: Int64, smoothing: Float
    ) -> Instruction {
        let (logits, labels) = (site.operands[0], site.operands[1].slot)
        let classes = logits.type.shape[-1]
        let rows = logits.type.shape.elementCount / classes
        let (type, gradientType) = (logits.kernelType, gradient?.kernelType ?? LK_FLOAT32)
        return Instruction(label: label) {
            lk_softmax_cross_entropy(
                logits.slot.bytes($0), type, labels.integers($0), rows, classes, ignored, smoothing,
                loss?.floats($0), gradient?.slot.bytes($0), gradientType)
        }
    }
}

extension CountLabels: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        let (labels, y, ignored) = (site.operands[0], site.results[0].slot, Int64(ignoredLabel))
        let count = labels.type.shape.elementCount
        return Instruction(label: name) {
            lk_count_labels(labels.slot.integers($0), count, ignored, y.floats($0))
        }
    }
}

/// A loss and its gradient by the predictions in one pass: (predictions, labels) → (loss, gradient).
struct LossWithGradient: Lowerable {
    let kind: LossKind
    var name: String { kind.name + "+gradient" }
    var canRunInPlace: Bool { true }
    var inPlaceResult: Int { 1 }
    var precision: PrecisionRule { kind.precision(gradient: 1) }

    func lower(_ site: Site) throws -> Instruction {
        kind.instruction(name, site, loss: site.results[0].slot, gradient: site.results[1])
    }
}

extension SoftmaxCrossEntropy: Lowerable {
    private var kind: LossKind {
        .softmaxCrossEntropy(ignoredLabel: ignoredLabel, labelSmoothing: labelSmoothing)
    }
    var precision: PrecisionRule { kind.precision(gradient: nil) }

    func lower(_ site: Site) throws -> Instruction {
        kind.instruction(name, site, loss: site.results[0].slot, gradient: nil)
    }
}

extension SoftmaxCrossEntropyGradient: Lowerable {
    private var kind: LossKind {
        .softmaxCrossEntropy(ignoredLabel: ignoredLabel, labelSmoothing: labelSmoothing)
    }
    var precision: PrecisionRule { kind.precision(gradient: 0) }

    func lower(_ site: Site) throws -> Instruction {
        kind.instruction(name, site, loss: nil, gradient: site.results[0])
    }
}

extension SigmoidCrossEntropy: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        LossKind.sigmoidCrossEntropy.instruction(name, site, loss: site.results[0].slot, gradient: nil)
    }
}

extension SigmoidCrossEntropyGradient: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        LossKind.sigmoidCrossEntropy.instruction(name, site, loss: nil, gradient: site.results[0])
    }
}

extension SquaredError: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        LossKind.squaredError.instruction(name, site, loss: site.results[0].slot, gradient: nil)
    }
}

extension SquaredErrorGradient: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        LossKind.squaredError.instruction(name, site, loss: nil, gradient: site.results[0])
    }
}
