#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The tokens of a sample up to its last id that is not padding.
func lengths(ids: ReferenceArray?, paddingID: Int?, samples: Int, tokens: Int) -> [Int] {
    (0..<samples).map { sample in
        guard let ids, let paddingID else { return tokens }
        let row = ids.values[(sample * tokens)..<((sample + 1) * tokens)]
        return (row.lastIndex { Int($0) != paddingID } ?? row.startIndex - 1) - row.startIndex + 1
    }
}

private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

extension Recurrence {
    /// The rows of a sample's tokens in the order in which the cell sees them.
    func rows(_ sample: Int, length: Int, tokens: Int) -> [Int] {
        let forward = (0..<length).map { sample * tokens + $0 }
        return isReversed ? forward.reversed() : forward
    }

    /// States, gates and cells of all steps.
    func forward(_ operands: [ReferenceArray]) -> (
        states: ReferenceArray, gates: ReferenceArray, cells: ReferenceArray
    ) {
        let (projected, weight) = (operands[0], operands[1])
        let (samples, tokens, width) = (projected.shape[0], projected.shape[1], weight.shape[0])
        let bias = hasBias ? operands[2].values : Array(repeating: 0, count: cell.gateCount * width)
        var states = ReferenceArray([samples, tokens, width], repeating: 0)
        var (gates, cells) = (ReferenceArray([samples, tokens, 4 * width], repeating: 0), states)
        let lengths = lengths(
            ids: isMasked ? operands.last : nil, paddingID: paddingID, samples: samples, tokens: tokens)
        for sample in 0..<samples {
            var h = Array(repeating: 0.0, count: width)
            var c = h
            for row in rows(sample, length: lengths[sample], tokens: tokens) {
                let before = h
                for unit in 0..<width {
                    func x(_ gate: Int) -> Double {
                        projected.values[(row * cell.gateCount + gate) * width + unit]
                    }
                    func p(_ gate: Int) -> Double {
                        let column = gate * width + unit
                        return (0..<width).reduce(bias[column]) {
                            $0 + before[$1] * weight.values[$1 * cell.gateCount * width + column]
                        }
                    }
                    let kept = step(x, p, state: &h[unit], cell: &c[unit])
                    for (gate, value) in kept.enumerated() {
                        gates.values[(row * 4 + gate) * width + unit] = value
                    }
                    cells.values[row * width + unit] = c[unit]
                    states.values[row * width + unit] = h[unit]
                }
            }
        }
        return (states, gates, cells)
    }

    /// One unit's step; gives what backward keeps.
    private func step(
        _ x: (Int) -> Double, _ p: (Int) -> Double, state: inout Double, cell memory: inout Double
    ) -> [Double] {
        switch cell {
        case .tanh:
            state = Double.tanhOf(x(0) + p(0))
            return []
        case .relu:
            state = max(0, x(0) + p(0))
            return []
        case .lstm:
            let (i, f, o) = (sigmoid(x(0) + p(0)), sigmoid(x(1) + p(1)), sigmoid(x(3) + p(3)))
            let g = Double.tanhOf(x(2) + p(2))
            memory = f * memory + i * g
            state = o * Double.tanhOf(memory)
            return [i, f, g, o]
        case .gru:
            let (r, z, product) = (sigmoid(x(0) + p(0)), sigmoid(x(1) + p(1)), p(2))
            let n = Double.tanhOf(x(2) + r * product)
            state = (1 - z) * n + z * state
            return [r, z, n, product]
        }
    }
}

extension Double {
    /// The hyperbolic tangent, by a name that the cell's case does not hide.
    fileprivate static func tanhOf(_ x: Double) -> Double { tanh(x) }
}

extension RecurrenceGradient {
    /// The gradients by the projected input and by the recurrent products, and the states before each step.
    func backward(_ operands: [ReferenceArray]) -> (
        projected: ReferenceArray, products: ReferenceArray, previous: ReferenceArray
    ) {
        let (upstream, states, weight) = (operands[0], operands[1], operands[2])
        let gates = forward.cell.isPlain ? nil : operands[3]
        let cells = forward.cell == .lstm ? operands[4] : nil
        let (samples, tokens, width) = (states.shape[0], states.shape[1], states.shape[2])
        let columns = forward.cell.gateCount * width
        var previous = ReferenceArray(states.shape, repeating: 0)
        var projected = ReferenceArray([samples, tokens, columns], repeating: 0)
        var products = projected
        let lengths = lengths(
            ids: forward.isMasked ? operands.last : nil, paddingID: forward.paddingID, samples: samples,
            tokens: tokens)
        for sample in 0..<samples {
            let rows = forward.rows(sample, length: lengths[sample], tokens: tokens)
            var (dh, dc) = (Array(repeating: 0.0, count: width), Array(repeating: 0.0, count: width))
            for (place, row) in rows.enumerated().reversed() {
                let before = place > 0 ? rows[place - 1] : nil
                for unit in 0..<width {
                    let old = before.map { states.values[$0 * width + unit] } ?? 0
                    previous.values[row * width + unit] = old
                    dh[unit] += upstream.values[row * width + unit]
                    let kept = gates.map { gates in
                        (0..<4).map { gates.values[(row * 4 + $0) * width + unit] }
                    }
                    let memory = cells.map { cells in
                        (
                            before.map { cells.values[$0 * width + unit] } ?? 0,
                            cells.values[row * width + unit]
                        )
                    }
                    let (byInput, byProduct) = step(
                        kept ?? [states.values[row * width + unit]], old, memory ?? (0, 0), &dh[unit],
                        &dc[unit])
                    for gate in byInput.indices {
                        projected.values[row * columns + gate * width + unit] = byInput[gate]
                        products.values[row * columns + gate * width + unit] = byProduct[gate]
                    }
                }
                for k in 0..<width {
                    for column in 0..<columns {
                        dh[k] += products.values[row * columns + column] * weight.values[k * columns + column]
                    }
                }
            }
        }
        return (projected, products, previous)
    }

    /// One unit's gradients by its inputs and by its recurrent products; `dh` and `dc` become what flows to the
    /// step before past the products.
    private func step(
        _ kept: [Double], _ old: Double, _ memory: (before: Double, after: Double), _ dh: inout Double,
        _ dc: inout Double
    ) -> (byInput: [Double], byProduct: [Double]) {
        let upstream = dh
        dh = 0
        switch forward.cell {
        case .tanh, .relu:
            let slope = forward.cell == .relu ? (kept[0] > 0 ? 1 : 0) : 1 - kept[0] * kept[0]
            return ([upstream * slope], [upstream * slope])
        case .lstm:
            let (i, f, g, o) = (kept[0], kept[1], kept[2], kept[3])
            let shown = Double.tanhOf(memory.after)
            let flow = dc + upstream * o * (1 - shown * shown)
            dc = flow * f
            let gates = [
                flow * g * i * (1 - i), flow * memory.before * f * (1 - f), flow * i * (1 - g * g),
                upstream * shown * o * (1 - o),
            ]
            return (gates, gates)
        case .gru:
            let (r, z, n, product) = (kept[0], kept[1], kept[2], kept[3])
            let dn = upstream * (1 - z) * (1 - n * n)
            let (dr, dz) = (dn * product * r * (1 - r), upstream * (old - n) * z * (1 - z))
            dh = upstream * z
            return ([dr, dz, dn], [dr, dz, dn * r])
        }
    }
}
