import Graphs

/// How an operation that chooses wants its images, and the operation as it then runs.
struct LayoutChoice {
    /// The layout of each operand.
    var operands: [TensorLayout]
    /// The layout of each result.
    var results: [TensorLayout]
    /// What runs: the operation itself, or one that knows more about it.
    var operation: any Lowerable
}

/// An operation whose rule is `.chooses`.
protocol ChoosesLayout: Lowerable {
    /// Chooses layouts.
    /// - Parameters:
    ///   - operands: types, and layouts as the values lie now.
    ///   - seen: the layout of the last image of a shape that the plan computed before, for results that should lie
    ///     as the forward pass's image does.
    func chooseLayouts(operands: [PlanValue], results: [PlanValue], seen: (Shape) -> TensorLayout) throws
        -> LayoutChoice
}

/// The pass that keeps images in blocked channels from convolution to convolution: it asks every step which layouts it
/// works on, and adds a reorder step where a value lies otherwise, once for each value and layout.
struct Layouts {
    /// The schedule with layouts.
    static func choose(_ schedule: Schedule) throws -> Schedule {
        var pass = Layouts(schedule)
        for step in schedule.steps { try pass.take(step) }
        pass.result.outputs = schedule.outputs.map { pass.read($0, as: .plain, by: "an output") }
        pass.result.gradients = schedule.gradients.map { gradient in
            gradient.map { pass.read($0, as: .plain, by: "a gradient") }
        }
        return pass.result
    }

    /// Where a value was moved to.
    private struct Move: Hashable {
        let storage: Int
        let type: TensorType
        let layout: TensorLayout
    }

    private var result: Schedule
    /// Every storage as the step that made it left it.
    private var made: [Int: PlanValue] = [:]
    private var moved: [Move: PlanValue] = [:]
    private var seen: [Shape: TensorLayout] = [:]
    private var path = ""

    private init(_ schedule: Schedule) {
        result = schedule
        result.steps = []
    }

    private mutating func take(_ step: PlanStep) throws {
        path = step.path
        var step = step
        let present = step.operands.map(present)
        let choice = try choose(step, present)
        step.operation = choice.operation
        step.operands = zip(step.operands, choice.operands).map { value, layout in
            read(value, as: layout, by: step.operation.name)
        }
        for (place, layout) in zip(step.results.indices, choice.results) {
            step.results[place].layout = layout
            made[step.results[place].storage] = step.results[place]
            seen[step.results[place].type.shape] = layout
        }
        result.steps.append(step)
    }

    private func choose(_ step: PlanStep, _ present: [PlanValue]) throws -> LayoutChoice {
        let plain = LayoutChoice(
            operands: present.map { _ in .plain }, results: step.results.map { _ in .plain },
            operation: step.operation)
        switch step.operation.layouts {
        case .plain: return plain
        case .follows:
            let image = step.results[0].type.shape
            let blocked = present.first { $0.type.shape == image && $0.layout != .plain }
            guard let layout = blocked?.layout else { return plain }
            return LayoutChoice(
                operands: present.map { $0.type.shape == image ? layout : .plain },
                results: step.results.map { $0.type.shape == image ? layout : .plain },
                operation: step.operation)
        case .chooses:
            guard let chooser = step.operation as? any ChoosesLayout else { return plain }
            return try chooser.chooseLayouts(operands: present, results: step.results) {
                seen[$0] ?? .plain
            }
        }
    }

    /// A value with the layout that it can be read in as it lies: a blocked one that is seen under another shape can
    /// only be read as a plain one, which a reorder gives.
    private func present(_ value: PlanValue) -> PlanValue {
        var value = value
        let made = made[value.storage]
        value.layout = made?.type.shape == value.type.shape ? made?.layout ?? .plain : .plain
        return value
    }

    /// The value as a step wants to read it, moved by a step of its own where it lies otherwise.
    private mutating func read(_ value: PlanValue, as layout: TensorLayout, by reader: String) -> PlanValue {
        var wanted = value
        wanted.layout = layout
        let source = made[value.storage] ?? value
        if source.layout == .plain && layout == .plain { return wanted }
        if source.layout == layout && source.type.shape == value.type.shape { return wanted }
        // One pixel an image and no channel that fills up: the same elements in the same order.
        let needsNoMove = source.layout.isPlain(source.type.shape) && layout.isPlain(value.type.shape)
        if needsNoMove { return wanted }
        if source.layout != .plain && source.type.shape != value.type.shape {
            // A view of a blocked image: made plain under its own shape first.
            wanted.storage = read(source, as: .plain, by: reader).storage
            guard layout != .plain else { return wanted }
            return move(PlanValue(storage: wanted.storage, type: value.type), to: layout, for: reader)
        }
        return move(
            PlanValue(storage: value.storage, type: value.type, layout: source.layout), to: layout,
            for: reader)
    }

    private mutating func move(_ source: PlanValue, to layout: TensorLayout, for reader: String) -> PlanValue
    {
        let key = Move(storage: source.storage, type: source.type, layout: layout)
        if let before = moved[key] { return before }
        let target = PlanValue(storage: result.newStorage(), type: source.type, layout: layout)
        result.steps.append(
            PlanStep(operation: Reorder(), operands: [source], results: [target], path: path))
        result.notes.append(
            "reorder \(source.type) from \(source.layout) to \(layout) for \(reader) (\(path))")
        moved[key] = target
        made[target.storage] = target
        return target
    }
}

extension TensorLayout: CustomStringConvertible {
    /// For instance `blocked channels (16)`.
    var description: String {
        switch self {
        case .plain: "plain"
        case .blockedChannels(let block): "blocked channels (\(block))"
        }
    }

    /// Channels side by side.
    var block: Int {
        switch self {
        case .plain: 1
        case .blockedChannels(let block): block
        }
    }

    /// Whether a tensor in this layout has its elements in row-major order.
    func isPlain(_ shape: Shape) -> Bool {
        guard case .blockedChannels(let block) = self else { return true }
        return shape.rank == 4 && shape[2] * shape[3] == 1 && shape[1] % block == 0
    }
}
