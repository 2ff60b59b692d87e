import java.util.Objects;

/** Numbers tests and says which failed. */
final class Tap {
    /** Something that may throw. */
    interface Action {
        void run() throws Exception;
    }

    private int number;
    private int failed;

    boolean ok(boolean good, String name, Object... more) {
        number++;
        System.out.printf("%sok %d - %s%n", good ? "" : "not ", number, name.replace('\n', ' '));
        if (!good) {
            failed++;
            for (Object text : more) {
                System.out.println("# " + text);
            }
        }
        return good;
    }

    boolean is(Object got, Object expected, String name) {
        return ok(Objects.equals(got, expected), name, "got: " + got, "expected: " + expected);
    }

    /** The exception that the action must end with, or null. */
    <T extends Exception> T fails(Action action, Class<T> kind, String name) {
        try {
            action.run();
        } catch (Exception problem) {
            ok(kind.isInstance(problem), name, problem);
            return kind.isInstance(problem) ? kind.cast(problem) : null;
        }
        ok(false, name, "no error");
        return null;
    }

    void end() {
        System.out.println("1.." + number);
        System.exit(failed == 0 ? 0 : 1);
    }
}
