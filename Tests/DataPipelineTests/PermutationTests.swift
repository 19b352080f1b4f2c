import CKernels
import DataPipeline
import Testing

@Suite struct PermutationTests {
    @Test(
        "Every number comes once",
        arguments: Array(0...70) + [99, 100, 101, 127, 128, 129, 1000, 1023, 1025, 4999, 6080, 20_000])
    func isBijective(count: Int) {
        let permutation = Permutation(count: count, seed: 7, epoch: 3)
        var isSeen = [Bool](repeating: false, count: count)
        for position in 0..<count { isSeen[permutation[position]] = true }
        #expect(isSeen.allSatisfy { $0 })
    }

    @Test func hugeCountsStayInRange() {
        for count in [1 << 31, (1 << 32) + 5, (1 << 40) - 1, 1 << 62] {
            let permutation = Permutation(count: count, seed: 1, epoch: 0)
            let numbers = [0, 1, 2, count / 2, count - 2, count - 1].map { permutation[$0] }
            #expect(numbers.allSatisfy { (0..<count).contains($0) })
            #expect(Set(numbers).count == numbers.count)
        }
    }

    /// Of every processor's kernel, for grids of one row to thousands, whatever part of the order is asked for.
    @Test(
        "Many numbers at a time are those of one at a time",
        arguments: [1, 2, 7, 16, 100, 255, 257, 6080, 1_000_003, 1 << 40])
    func copiesWhatSubscriptsGive(count: Int) {
        let permutation = Permutation(count: count, seed: 11, epoch: 2)
        let sets = [LK_GENERIC, LK_AVX2, LK_AVX512].filter {
            $0.rawValue <= lk_best_instruction_set().rawValue
        }
        defer { #expect(lk_use_instruction_set(lk_best_instruction_set()) == 1) }
        for set in sets {
            #expect(lk_use_instruction_set(set) == 1)
            for (first, length) in [(0, 1), (0, 16), (3, 15), (5, 17), (40, 100), (count - 33, 33)] {
                let range = max(0, min(first, count))..<max(0, min(first + length, count))
                var numbers = [Int](repeating: -1, count: range.count + 1)
                numbers.withUnsafeMutableBufferPointer { permutation.copy(range, to: $0.baseAddress!) }
                #expect(numbers.dropLast() == ArraySlice(range.map { permutation[$0] }))
                #expect(numbers.last == -1)
            }
        }
    }

    @Test func dependsOnSeedAndEpochAlone() {
        func order(_ seed: UInt64, _ epoch: Int) -> [Int] {
            let permutation = Permutation(count: 500, seed: seed, epoch: epoch)
            return (0..<500).map { permutation[$0] }
        }
        #expect(order(1, 0) == order(1, 0))
        let orders = [order(1, 0), order(1, 1), order(2, 0), order(0, 1), order(0, 0), order(1, -1)]
        for first in orders.indices {
            for second in 0..<first {
                // Two random orders agree in one place on average; twelve is beyond one in a hundred million.
                #expect(zip(orders[first], orders[second]).filter { $0 == $1 }.count < 12)
            }
        }
    }

    /// The order that checkpoints of earlier versions rely on; a change here breaks their exact resume.
    @Test func staysAsRecorded() {
        let permutation = Permutation(count: 10, seed: 42, epoch: 0)
        #expect((0..<10).map { permutation[$0] } == recorded)
    }
    private let recorded = [0, 5, 9, 8, 3, 4, 1, 6, 2, 7]

    @Test("All orders of a few numbers are equally likely", arguments: [3, 4, 5])
    func smallOrdersAreUniform(count: Int) {
        let orderCount = (1...count).reduce(1, *)
        let trials = orderCount * 100
        var frequency: [[Int]: Int] = [:]
        for seed in 0..<trials {
            let permutation = Permutation(count: count, seed: UInt64(seed), epoch: seed % 3)
            frequency[(0..<count).map { permutation[$0] }, default: 0] += 1
        }
        #expect(frequency.count == orderCount)
        let chiSquare = frequency.values.reduce(0.0) { $0 + Double(($1 - 100) * ($1 - 100)) / 100 }
        // Mean k − 1, standard deviation √(2(k − 1)); five of them is beyond one in a hundred thousand.
        let freedom = Double(orderCount - 1)
        #expect(chiSquare < freedom + 5 * (2 * freedom).squareRoot())
    }

    /// Where a number lands, and where its successor lands relative to it, are both evenly spread.
    @Test("Positions and neighbours are evenly spread", arguments: [100, 569, 6080])
    func positionsAreUniform(count: Int) {
        let trials = 4000
        let binCount = 20
        var places = [Double](repeating: 0, count: binCount)
        var distances = places
        for seed in 0..<trials {
            let permutation = Permutation(count: count, seed: 9, epoch: seed)
            let first = permutation[seed % (count - 1)]
            let second = permutation[seed % (count - 1) + 1]
            places[first * binCount / count] += 1
            distances[(second - first + count) % count * binCount / count] += 1
        }
        let expected = Double(trials) / Double(binCount)
        for bins in [places, distances] {
            let chiSquare = bins.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
            // 19 degrees of freedom: 60 is beyond one in two hundred thousand.
            #expect(chiSquare < 60)
        }
    }
}
