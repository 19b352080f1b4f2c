import CKernels
import Graphs

/// The losses whose value and gradient one kernel computes.
enum LossKind: String {
    case softmaxCrossEntropy = "softmax-cross-entropy"
    case sigmoidCrossEntropy = "sigmoid-cross-entropy"
    case squaredError = "squared-error"

    /// The kind of a loss operation.
    init?(loss: any Lowerable) {
        switch loss {
        case is SoftmaxCrossEntropy: self = .softmaxCrossEntropy
        case is SigmoidCrossEntropy: self = .sigmoidCrossEntropy
        case is SquaredError: self = .squaredError
        default: return nil
        }
    }

    /// The kind of a loss's gradient operation.
    init?(gradient: any Lowerable) {
        switch gradient {
        case is SoftmaxCrossEntropyGradient: self = .softmaxCrossEntropy
        case is SigmoidCrossEntropyGradient: self = .sigmoidCrossEntropy
        case is SquaredErrorGradient: self = .squaredError
        default: return nil
        }
    }

    /// Prepares the kernel; either result may be absent.
    func instruction(_ label: String, _ site: Site, loss: Slot?, gradient: Slot?) -> Instruction {
        let (logits, labels) = (site.operands[0], site.operands[1])
        let shape = logits.type.shape
        let (count, isInteger) = (shape.elementCount, labels.type.element == .int32)
        switch self {
        case .softmaxCrossEntropy:
            return Instruction(label: label) {
                lk_softmax_cross_entropy(
                    logits.slot.floats($0), labels.slot.integers($0), shape[0], shape[1], loss?.floats($0),
                    gradient?.floats($0))
            }
        case .sigmoidCrossEntropy:
            return Instruction(label: label) {
                lk_sigmoid_cross_entropy(
                    logits.slot.floats($0), isInteger ? nil : UnsafePointer(labels.slot.floats($0)),
                    labels.slot.integers($0), count, loss?.floats($0), gradient?.floats($0))
            }
        case .squaredError:
            return Instruction(label: label) {
                lk_squared_error(
                    logits.slot.floats($0), labels.slot.floats($0), count, loss?.floats($0),
                    gradient?.floats($0))
            }
        }
    }
}

/// A loss and its gradient by the predictions in one pass: (predictions, labels) → (loss, gradient).
struct LossWithGradient: Lowerable {
    let kind: LossKind
    var name: String { kind.rawValue + "+gradient" }

    func lower(_ site: Site) throws -> Instruction {
        kind.instruction(name, site, loss: site.results[0].slot, gradient: site.results[1].slot)
    }
}

extension SoftmaxCrossEntropy: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        LossKind.softmaxCrossEntropy.instruction(name, site, loss: site.results[0].slot, gradient: nil)
    }
}

extension SoftmaxCrossEntropyGradient: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        LossKind.softmaxCrossEntropy.instruction(name, site, loss: nil, gradient: site.results[0].slot)
    }
}

extension SigmoidCrossEntropy: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        LossKind.sigmoidCrossEntropy.instruction(name, site, loss: site.results[0].slot, gradient: nil)
    }
}

extension SigmoidCrossEntropyGradient: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        LossKind.sigmoidCrossEntropy.instruction(name, site, loss: nil, gradient: site.results[0].slot)
    }
}

extension SquaredError: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        LossKind.squaredError.instruction(name, site, loss: site.results[0].slot, gradient: nil)
    }
}

extension SquaredErrorGradient: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        LossKind.squaredError.instruction(name, site, loss: nil, gradient: site.results[0].slot)
    }
}
