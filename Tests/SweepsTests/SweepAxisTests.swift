import Diagnostics
import Sweeps
import Testing

@Suite struct SweepAxisTests {
    @Test func valuesAreSplitAtCommasOutsideBrackets() throws {
        #expect(try SweepAxis("a.b=1,2, 3").values == .list(["1", "2", "3"]))
        #expect(try SweepAxis("m.hidden=[64],[128,64]").values == .list(["[64]", "[128,64]"]))
        #expect(try SweepAxis("k={epochs: 1},{steps: 5}").values == .list(["{epochs: 1}", "{steps: 5}"]))
        #expect(try SweepAxis("k=\"a,b\",c").values == .list(["\"a,b\"", "c"]))
        #expect(try SweepAxis("k=log(0.001,0.1)").values == .logarithmic(0.001, 0.1))
        #expect(try SweepAxis("k=uniform(0,0.5)").values == .uniform(0, 0.5))
        #expect(try SweepAxis("k=integers(1,9)").values == .integers(1, 9))
        for text in [
            "a", "=1", "a=1,,2", "a=1,1", "k=log(0,1)", "k=uniform(2,1)", "k=integers(1.5,3)", "k=log(1)",
            "a=",
        ] {
            #expect(throws: LockstepError.self, "\(text)") { try SweepAxis(text) }
        }
    }

    @Test func aGridHasEveryCombinationOnce() throws {
        let axes = [try SweepAxis("a=1,2"), try SweepAxis("b=x,y,z")]
        let grid = try SweepSpace.grid(axes)
        #expect(
            grid == [
                ["a=1", "b=x"], ["a=1", "b=y"], ["a=1", "b=z"], ["a=2", "b=x"], ["a=2", "b=y"],
                ["a=2", "b=z"],
            ])
        #expect(throws: LockstepError.self) { try SweepSpace.grid([try SweepAxis("a=log(1,2)")]) }
        #expect(throws: LockstepError.self) { try SweepSpace.grid([axes[0], axes[0]]) }
        #expect(throws: LockstepError.self) { try SweepSpace.grid([]) }
        let long = try SweepAxis("a=" + (0..<101).map(String.init).joined(separator: ","))
        let other = try SweepAxis("b=" + (0..<101).map(String.init).joined(separator: ","))
        #expect(throws: LockstepError.self) { try SweepSpace.grid([long, other]) }
    }

    @Test func drawnCombinationsAreInRangeAndDifferent() throws {
        let axes = [try SweepAxis("rate=log(0.0001,0.01)"), try SweepAxis("n=integers(3,5)")]
        let trials = try SweepSpace.random(axes, count: 40, seed: 1)
        #expect(trials.count == 40 && Set(trials).count == 40)
        #expect(try SweepSpace.random(axes, count: 40, seed: 1) == trials)
        #expect(try SweepSpace.random(axes, count: 40, seed: 2) != trials)
        let rates = try trials.map { try #require(Double($0[0].dropFirst("rate=".count))) }
        #expect(rates.allSatisfy { (0.0001...0.01).contains($0) })
        // Each factor is as likely as the others: half of them lie below the geometric mean.
        #expect((10...30).contains(rates.filter { $0 < 0.001 }.count))
        #expect(Set(trials.map { $0[1] }) == ["n=3", "n=4", "n=5"])
        // There are only two.
        #expect(try SweepSpace.random([try SweepAxis("a=1,2")], count: 9, seed: 0).count == 2)
    }
}
