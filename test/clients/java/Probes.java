import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Runs a file of probes; wfmclients.py says what is in one. */
final class Probes {
    private static final Pattern HEAD = Pattern.compile("(.+?): (\\d+): (.+)");
    private static final Pattern COUNT = Pattern.compile("(\\d+) rows?");
    private static final Pattern VALUES = Pattern.compile("(a|no) row with (.+)");

    private Probes() {
    }

    static void run(Tap tap, Simulator simulator, Connection connection, String file) throws IOException, InterruptedException {
        for (String part : Files.readString(Path.of(file)).strip().split("\n\\s*\n")) {
            String[] lines = part.split("\n", 2);
            Matcher head = HEAD.matcher(lines[0]);

            if (!head.matches()) {
                throw new IOException("cannot read: " + lines[0]);
            }
            long mark = simulator.mark();
            try {
                List<Set<String>> rows = execute(connection, lines[1].strip());
                tap.ok(comes(rows, head.group(3)), head.group(1) + ": " + head.group(3), lines[1], rows);
            } catch (SQLException problem) {
                tap.ok(false, head.group(1), problem, lines[1]);
            }
            tap.is(simulator.callsSince(mark), Integer.parseInt(head.group(2)), head.group(1) + ": " + head.group(2) + " calls");
        }
    }

    /** The values of each row, or null if the statement has no result. */
    private static List<Set<String>> execute(Connection connection, String sql) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setFetchSize(500);
            if (!statement.execute()) {
                return null;
            }
            List<Set<String>> rows = new ArrayList<>();
            try (ResultSet result = statement.getResultSet()) {
                while (result.next()) {
                    Set<String> row = new HashSet<>();
                    for (int i = 1; i <= result.getMetaData().getColumnCount(); i++) {
                        row.add(String.valueOf(result.getObject(i)));
                    }
                    rows.add(row);
                }
            }
            return rows;
        }
    }

    private static boolean comes(List<Set<String>> rows, String expected) {
        if (expected.equals("done")) {
            return rows == null;
        }
        if (rows == null) {
            return false;
        }
        if (expected.equals("rows") || expected.equals("no rows")) {
            return rows.isEmpty() == expected.equals("no rows");
        }
        Matcher count = COUNT.matcher(expected);
        if (count.matches()) {
            return rows.size() == Integer.parseInt(count.group(1));
        }
        Matcher values = VALUES.matcher(expected);
        if (!values.matches()) {
            throw new IllegalArgumentException(expected);
        }
        Set<String> wanted = Set.of(values.group(2).split(" \\| "));
        return values.group(1).equals("a") == rows.stream().anyMatch(row -> row.containsAll(wanted));
    }
}
