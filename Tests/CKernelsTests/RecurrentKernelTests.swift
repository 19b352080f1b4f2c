import CKernels
import Testing

/// Recurrent cells against their plain twins.
@Suite struct RecurrentKernelTests {
    /// A call with numbers of its own; sequences are held as floats, or as the upper halves of floats.
    private struct Call: CustomStringConvertible {
        var cell: lk_cell
        var samples = 5
        var tokens = 4
        var width: Int
        var isReversed = false
        var isMasked = false
        var type = LK_FLOAT32
        var keepsGates = true
        var description: String {
            "cell \(cell.rawValue) \(samples)×\(tokens)×\(width) reversed \(isReversed) masked \(isMasked) "
                + "type \(type.rawValue)"
        }

        var gates: Int { lk_cell_gates(Int32(cell.rawValue)) }
        var steps: Int { samples * tokens }
        /// Full, short, empty and padding in the middle.
        var ids: [Int32] {
            (0..<steps).map { place in
                let (sample, token) = (place / tokens, place % tokens)
                return token >= (tokens * (7 - sample) + 6) / 7 || (sample % 5 == 3)
                    ? 0 : Int32(token % 2 + sample % 2)
            }
        }

        /// Sequences in the order of the struct's fields: projected, y, gates, cells, dy, dprojected, previous,
        /// drecurrent.
        func sequences() -> [GuardedFloats] {
            var numbers = TestNumbers(width * 31 + samples)
            let columns = [gates, 1, 4, 1, 1, gates, 1, gates].map { $0 * width }
            return columns.map { columns in
                let values = numbers.floats(steps * columns, -1...1)
                return GuardedFloats(type == LK_FLOAT32 ? values : values.map { packed($0, numbers.float()) })
            }
        }

        /// Two bfloat16 in a float's place.
        private func packed(_ x: Float, _ y: Float) -> Float {
            Float(bitPattern: x.bitPattern >> 16 | (y.bitPattern & 0xffff_0000))
        }

        /// Runs forward (with `kernel`) and backward; gives all sequences.
        func run(
            _ kernel: (UnsafePointer<lk_recurrent_arguments>) -> Void,
            _ gradient: (UnsafePointer<lk_recurrent_arguments>) -> Void, samplesShown: Int? = nil
        ) -> (values: [[Float]], isIntact: Bool) {
            var numbers = TestNumbers(width)
            let weight = numbers.floats(gates * width * width, -0.5...0.5)
            let bias = numbers.floats(gates * width)
            var all = sequences()
            let code = Int32(cell.rawValue)
            var workspace = GuardedFloats(count: lk_recurrent_workspace_count(code, samples, width))
            var call = lk_recurrent_arguments()
            (call.cell, call.is_reversed, call.padding) = (code, isReversed ? 1 : 0, 0)
            (call.samples, call.tokens, call.width) = (samplesShown ?? samples, tokens, width)
            func filled(_ index: Int, _ next: () -> Void) {
                var floats = all[index]
                floats.withPointer { pointer in
                    let sequence = lk_sequence(values: UnsafeMutableRawPointer(pointer), type: type)
                    switch index {
                    case 0: call.projected = sequence
                    case 1: call.y = sequence
                    case 2:
                        call.gates = cell == LK_CELL_LSTM || cell == LK_CELL_GRU ? sequence : lk_sequence()
                    case 3: call.cells = cell == LK_CELL_LSTM ? sequence : lk_sequence()
                    case 4: call.dy = sequence
                    case 5: call.dprojected = sequence
                    case 6: call.previous = sequence
                    default: call.drecurrent = cell == LK_CELL_GRU ? sequence : lk_sequence()
                    }
                    if index < 7 { filled(index + 1, next) } else { next() }
                }
                all[index] = floats
            }
            weight.withUnsafeBufferPointer { weight in
                bias.withUnsafeBufferPointer { bias in
                    ids.withUnsafeBufferPointer { ids in
                        workspace.withPointer { workspace in
                            call.weight = weight.baseAddress
                            call.bias = cell == LK_CELL_GRU ? bias.baseAddress : nil
                            call.ids = isMasked ? ids.baseAddress : nil
                            call.workspace = workspace
                            filled(0) {
                                var forward = call
                                if !keepsGates {
                                    (forward.gates, forward.cells) = (lk_sequence(), lk_sequence())
                                }
                                kernel(&forward)
                                if keepsGates { gradient(&call) }
                            }
                        }
                    }
                }
            }
            return (all.map(\.values), workspace.isIntact && all.allSatisfy(\.isIntact))
        }
    }

    /// The numbers of a sequence as floats.
    private func unpacked(_ values: [Float], _ type: lk_type) -> [Float] {
        guard type == LK_BFLOAT16 else { return values }
        // The first half of the memory holds all numbers.
        return values[..<((values.count + 1) / 2)].flatMap {
            [Float(bitPattern: $0.bitPattern << 16), Float(bitPattern: $0.bitPattern & 0xffff_0000)]
        }
    }

    private func check(_ call: Call, location: SourceLocation = #_sourceLocation) {
        let expected = call.run({ lkr_recurrent($0) }, { lkr_recurrent_gradient($0) }).values
        var first: [[UInt32]]?
        // A state rounded to bfloat16 in one and not in the other moves backward by as much.
        let tolerance: Float = call.type == LK_BFLOAT16 ? 2e-2 : 1e-5
        withEachInstructionSet { set in
            let (values, isIntact) = call.run({ lk_recurrent($0) }, { lk_recurrent_gradient($0) })
            #expect(isIntact, "\(call), set \(set.rawValue)", sourceLocation: location)
            for (index, (ours, theirs)) in zip(values, expected).enumerated() {
                let off = distance(unpacked(ours, call.type), unpacked(theirs, call.type))
                #expect(
                    off < tolerance, "\(call), set \(set.rawValue), sequence \(index)",
                    sourceLocation: location)
            }
            #if arch(x86_64)
                if set == LK_GENERIC { return }
            #endif
            let words = values.map(bits)
            #expect(first ?? words == words, "\(call), set \(set.rawValue)", sourceLocation: location)
            first = first ?? words
        }
    }

    private static let cells = [LK_CELL_TANH, LK_CELL_RELU, LK_CELL_LSTM, LK_CELL_GRU]

    @Test(arguments: cells, [1, 7, 16, 17, 31, 32, 33, 50, 100]) func widths(cell: lk_cell, width: Int) {
        check(Call(cell: cell, width: width))
        check(Call(cell: cell, width: width, isReversed: true, isMasked: true))
    }

    @Test(arguments: cells, [1, 2, 7, 8, 9, 19]) func batches(cell: lk_cell, samples: Int) {
        check(Call(cell: cell, samples: samples, width: 20, isMasked: true))
        check(Call(cell: cell, samples: samples, tokens: 1, width: 20))
        check(Call(cell: cell, samples: samples, tokens: 7, width: 20, isReversed: true))
    }

    @Test(arguments: cells) func deepSums(cell: lk_cell) {
        // More than a panel's depth, both in forward and in backward.
        check(Call(cell: cell, samples: 3, tokens: 2, width: 300))
    }

    @Test(arguments: cells, [false, true]) func bfloat16(cell: lk_cell, isMasked: Bool) {
        check(Call(cell: cell, width: 33, isReversed: isMasked, isMasked: isMasked, type: LK_BFLOAT16))
    }

    @Test(arguments: cells) func forwardAlone(cell: lk_cell) {
        let kept = Call(cell: cell, width: 33, isMasked: true)
        var alone = kept
        alone.keepsGates = false
        let (with, without) = (
            kept.run({ lk_recurrent($0) }, { _ in }), alone.run({ lk_recurrent($0) }, { _ in })
        )
        #expect(bits(with.values[1]) == bits(without.values[1]))
        #expect(bits(without.values[2]) == bits(alone.sequences()[2].values))
    }

    @Test(arguments: cells, [false, true]) func samplesDoNotSeeTheirNeighbours(
        cell: lk_cell, isReversed: Bool
    ) {
        let call = Call(cell: cell, samples: 11, width: 40, isReversed: isReversed, isMasked: true)
        let all = call.run({ lk_recurrent($0) }, { lk_recurrent_gradient($0) })
        for shown in [1, 3, 8, 10] {
            let some = call.run({ lk_recurrent($0) }, { lk_recurrent_gradient($0) }, samplesShown: shown)
            for index in [1, 5, 6] {
                let count = all.values[index].count / call.samples * shown
                #expect(
                    bits(Array(all.values[index].prefix(count)))
                        == bits(Array(some.values[index].prefix(count))))
            }
        }
    }

    @Test(arguments: [-100, -8, -1, -1e-3, 0, 1e-6, 0.1, 0.7, 5, 20, .infinity, .nan] as [Float])
    func gateFunctionsOverTheWholeRange(x: Float) {
        // One unit without recurrence: h = tanh(x), to a few units in the last place.
        var (projected, y, weight) = ([x], [Float(9)], [Float(0)])
        var workspace = [Float](repeating: 0, count: lk_recurrent_workspace_count(0, 1, 1))
        withEachInstructionSet { _ in
            projected.withUnsafeMutableBytes { projected in
                y.withUnsafeMutableBytes { y in
                    var call = lk_recurrent_arguments()
                    (call.cell, call.samples, call.tokens, call.width) = (0, 1, 1, 1)
                    call.projected.values = projected.baseAddress
                    call.y.values = y.baseAddress
                    weight.withUnsafeMutableBufferPointer { weight in
                        workspace.withUnsafeMutableBufferPointer { workspace in
                            call.weight = UnsafePointer(weight.baseAddress)
                            call.workspace = workspace.baseAddress
                            lk_recurrent(&call)
                        }
                    }
                }
            }
            var expected = [Float(0)]
            lkr_activate(Int32(LK_TANH.rawValue), [x], LK_FLOAT32, &expected, LK_FLOAT32, 1)
            #expect(y[0].isNaN == x.isNaN)
            #expect(x.isNaN || abs(y[0] - expected[0]) <= 4e-7 * max(abs(expected[0]), 1e-12))
        }
    }

    @Test(arguments: [(1, 1), (5, 5), (33, 17), (34, 0), (40, 20)], [LK_FLOAT32, LK_BFLOAT16])
    func lastStates(widths: (Int, Int), type: lk_type) {
        let call = Call(
            cell: LK_CELL_TANH, samples: 5, tokens: 4, width: widths.0, isMasked: true, type: type)
        for isMasked in [false, true] {
            func run(_ kernel: (UnsafePointer<lk_last_state_arguments>) -> Void) -> [[UInt32]] {
                var (states, last) = (call.sequences()[1], GuardedFloats(count: call.samples * widths.0))
                states.withPointer { states in
                    last.withPointer { last in
                        call.ids.withUnsafeBufferPointer { ids in
                            var arguments = lk_last_state_arguments()
                            (arguments.samples, arguments.tokens) = (call.samples, call.tokens)
                            (arguments.width, arguments.forward_width) = widths
                            arguments.ids = isMasked ? ids.baseAddress : nil
                            arguments.states = lk_sequence(values: states, type: type)
                            arguments.last = lk_sequence(values: last, type: type)
                            kernel(&arguments)
                        }
                    }
                }
                #expect(states.isIntact && last.isIntact)
                return [bits(states.values), bits(last.values)]
            }
            let (forward, back) = (
                run { lkr_last_state($0) },
                run {
                    lkr_last_state($0); lkr_last_state_gradient($0)
                }
            )
            withEachInstructionSet { _ in
                #expect(run { lk_last_state($0) } == forward)
                #expect(
                    run {
                        lk_last_state($0); lk_last_state_gradient($0)
                    } == back)
            }
        }
    }
}
