import DataParallel
import Foundation
import Graphs
import Testing

/// What each rule packs and unpacks, piece by piece.
@Suite struct GradientCompressionTests {
    static let rules: [any GradientCompression] = [
        BFloat16Compression(), Float16Compression(), TopKCompression(fraction: 0.1),
        PowerSGDCompression(rank: 2),
    ]

    /// Numbers of very different magnitudes.
    private func values(_ count: Int, seed: UInt64 = 1) -> [Float] {
        let stream = RandomStream(seed: seed, purpose: 3)
        return (0..<count).map {
            (stream.uniform(2 * $0) - 0.5) * Float(pow(10, Double(stream.uniform(2 * $0 + 1)) * 8 - 6))
        }
    }

    /// Packs into exactly as many bytes as promised, and unpacks.
    private func roundTrip(_ rule: any GradientCompression, _ values: [Float], _ piece: GradientPiece)
        -> [Float]
    {
        let byteCount = rule.byteCount(piece)
        let packed = UnsafeMutableRawPointer.allocate(byteCount: byteCount + 64, alignment: 64)
        defer { packed.deallocate() }
        packed.initializeMemory(as: UInt8.self, repeating: 0xA5, count: byteCount + 64)
        rule.pack(values, of: piece, step: 3, into: packed)
        #expect((0..<64).allSatisfy { packed.load(fromByteOffset: byteCount + $0, as: UInt8.self) == 0xA5 })
        var result = [Float](repeating: .nan, count: values.count)
        rule.unpack(packed, of: piece, into: &result)
        return result
    }

    private func piece(_ count: Int) -> GradientPiece {
        GradientPiece(number: 2, elementCount: count, matrices: [.init(offset: 16, rows: 20, columns: 30)])
    }

    @Test(arguments: [700, 1024, 2500]) func narrowNumbersRound(count: Int) {
        let values = values(count)
        let wide = roundTrip(BFloat16Compression(), values, piece(count))
        #expect(zip(wide, values).allSatisfy { abs($0 - $1) <= abs($1) * 0x1p-8 })
        let half = roundTrip(Float16Compression(), values, piece(count))
        for start in stride(from: 0, to: count, by: 1024) {
            let block = start..<min(start + 1024, count)
            let largest = values[block].map { abs($0) }.max() ?? 0
            #expect(
                block.allSatisfy {
                    abs(half[$0] - values[$0]) <= max(abs(values[$0]) * 0x1p-11, largest * 0x1p-38)
                })
        }
        #expect(half != values && wide != half)
    }

    /// A scale of a power of two keeps tiny and huge gradients, which float16 alone would lose.
    @Test(arguments: [Float(1e-30), 1e30]) func scalesReachFar(magnitude: Float) {
        let values = values(1024).map { ($0.isZero ? 1 : $0.sign == .minus ? -1 : 1) * magnitude }
        let half = roundTrip(Float16Compression(), values, piece(1024))
        #expect(zip(half, values).allSatisfy { abs($0 - $1) <= abs($1) * 0x1p-11 })
    }

    @Test(arguments: [0.001, 0.1, 0.5, 1]) func topKTakesTheLargest(fraction: Double) {
        var values = values(1500)
        // Many equal ones around the threshold: the first are taken.
        for index in stride(from: 3, to: 1500, by: 2) { values[index] = 0.01 }
        let wanted = max(1, Int((1500 * fraction).rounded(.up)))
        let order = values.indices.sorted { (abs(values[$1]), $0) < (abs(values[$0]), $1) }
        var expected = [Float](repeating: 0, count: 1500)
        for index in order.prefix(wanted) { expected[index] = values[index] }
        #expect(roundTrip(TopKCompression(fraction: fraction), values, piece(1500)) == expected)
        #expect(TopKCompression(fraction: fraction).byteCount(piece(1500)) == wanted * 8)
    }

    /// A matrix of rank 2 is found by two columns; everything outside matrices travels as it is.
    @Test func powerSGDFindsALowRank() {
        let stream = RandomStream(seed: 7, purpose: 1)
        var values = values(700)
        for row in 0..<20 {
            for column in 0..<30 {
                values[16 + row * 30 + column] = (0..<2).reduce(Float(0)) {
                    $0 + (stream.uniform(row * 2 + $1) - 0.5) * (stream.uniform(100 + column * 2 + $1) - 0.5)
                }
            }
        }
        let result = roundTrip(PowerSGDCompression(rank: 2), values, piece(700))
        #expect(zip(result, values).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(result.prefix(16) == values.prefix(16) && result.suffix(84) == values.suffix(84))
        let one = roundTrip(PowerSGDCompression(rank: 1), values, piece(700))
        #expect(zip(one, values).contains { abs($0 - $1) > 1e-3 })
        #expect(PowerSGDCompression(rank: 2).byteCount(piece(700)) == 4 * (100 + 2 * 50))
        // Zeros, as frozen parameters have, stay zeros.
        let zeros = [Float](repeating: 0, count: 700)
        #expect(roundTrip(PowerSGDCompression(rank: 2), zeros, piece(700)) == zeros)
    }

    @Test(arguments: rules, [Float.nan, .infinity, -.infinity])
    func whatIsNotFiniteStaysSo(rule: any GradientCompression, bad: Float) {
        for place in [5, 100, 699] {
            var values = values(700)
            values[place] = bad
            #expect(roundTrip(rule, values, piece(700)).contains { !$0.isFinite }, "\(rule.name) at \(place)")
        }
    }
}
