import Graphs

/// The last pass: a place in one arena for every value and workspace, reused as soon as the last reader is done.
struct MemoryPlan {
    /// The slot of each storage that a step writes or reads.
    private(set) var slots: [Int: Slot] = [:]
    /// The workspace of each step, by its index.
    private(set) var workspaces: [Int: Slot] = [:]
    /// Bytes of the arena.
    private(set) var arenaByteCount = 0
    /// Bytes that values would take side by side, for plans.
    private(set) var unsharedByteCount = 0
    private var busy: [(range: Range<Int>, lastUse: Int)] = []

    /// Plans a schedule whose leaves and gradients already have places.
    init(_ schedule: Schedule, fixed: [Int: Slot]) {
        slots = fixed
        let lastUse = Self.lastUses(schedule)
        for (index, step) in schedule.steps.enumerated() {
            busy.removeAll { $0.lastUse < index }
            for (place, result) in step.results.enumerated() where slots[result.storage] == nil {
                let end = lastUse[result.storage] ?? index
                unsharedByteCount += result.byteCount
                if place == step.operation.inPlaceResult,
                    let reused = reusable(step, at: index, lastUse: lastUse, fixed: fixed)
                {
                    slots[result.storage] = reused
                    extend(reused, until: end)
                } else {
                    slots[result.storage] = take(result.byteCount, until: end)
                }
            }
            let scratch = step.operation.workspaceElementCount(
                operands: step.operands.map(\.type), results: step.results.map(\.type))
            unsharedByteCount += scratch * MemoryLayout<Float>.size
            if scratch > 0 { workspaces[index] = take(scratch * MemoryLayout<Float>.size, until: index) }
        }
    }

    private static func lastUses(_ schedule: Schedule) -> [Int: Int] {
        var last: [Int: Int] = [:]
        for (index, step) in schedule.steps.enumerated() {
            for value in step.operands + step.results { last[value.storage] = index }
        }
        for value in schedule.outputs.values { last[value.storage] = schedule.steps.count }
        return last
    }

    /// The first operand's memory, when it dies here and the operation allows it.
    private func reusable(_ step: PlanStep, at index: Int, lastUse: [Int: Int], fixed: [Int: Slot]) -> Slot? {
        guard step.operation.canRunInPlace, let operand = step.operands.first,
            lastUse[operand.storage] == index,
            fixed[operand.storage] == nil,
            operand.byteCount == step.results[step.operation.inPlaceResult].byteCount
        else { return nil }
        return slots[operand.storage]
    }

    private mutating func extend(_ slot: Slot, until lastUse: Int) {
        for place in busy.indices where busy[place].range.lowerBound == slot.byteOffset {
            busy[place].lastUse = lastUse
        }
    }

    /// The lowest gap that is large enough.
    private mutating func take(_ byteCount: Int, until lastUse: Int) -> Slot {
        let size = max(64, (byteCount + 63) / 64 * 64)
        var start = 0
        for taken in busy.map(\.range).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if taken.lowerBound >= start + size { break }
            start = max(start, taken.upperBound)
        }
        busy.append((start..<(start + size), lastUse))
        arenaByteCount = max(arenaByteCount, start + size)
        return Slot(.activations, byteOffset: start)
    }
}
