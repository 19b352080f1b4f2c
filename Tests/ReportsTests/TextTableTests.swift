import Reports
import Testing

@Suite struct TextTableTests {
    @Test func columnsAreAligned() {
        var table = TextTable([("run", .left), ("value", .right), ("p", .right)])
        table.add(["one", "0.5", ""])
        table.add(["another", "12.25", "0.01"])
        table.add(["é"])
        #expect(
            table.text == """
                run      value     p
                one        0.5
                another  12.25  0.01
                é

                """)
    }
}
