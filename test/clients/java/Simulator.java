import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What was requested of the simulator since a point in time. */
final class Simulator {
    private static final Pattern LAST = Pattern.compile("\"last_seq\":\\s*(\\d+)");
    private static final Pattern ACTIVE = Pattern.compile("\"active\":\\s*\\[\\s*\\{");
    private static final Pattern DIALECT = Pattern.compile("\"dialect\":\\s*\"");

    private final String url = System.getenv("WFM_SIM_URL") + "/_control/";
    private final HttpClient http = HttpClient.newHttpClient();

    String control(String method, String path, String body) throws IOException, InterruptedException {
        HttpRequest.BodyPublisher content = body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body);
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + path)).method(method, content).build();
        HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());

        if (answer.statusCode() / 100 != 2) {
            throw new IOException(path + ": " + answer.statusCode() + " " + answer.body());
        }
        return answer.body();
    }

    /** A point in the log, once no request is under way. */
    long mark() throws IOException, InterruptedException {
        String state = control("GET", "state", null);

        for (int i = 0; i < 1000 && ACTIVE.matcher(state).find(); i++) {
            Thread.sleep(20);
            state = control("GET", "state", null);
        }
        Matcher last = LAST.matcher(state);
        if (!last.find()) {
            throw new IOException("no last_seq in the state");
        }
        return Long.parseLong(last.group(1));
    }

    /** How many requests went to the API since. */
    int callsSince(long mark) throws IOException, InterruptedException {
        mark();
        return (int) control("GET", "log?since=" + mark, null).lines().filter(l -> DIALECT.matcher(l).find()).count();
    }

    /** Answers of a path do not come until release(). */
    void stall(String path) throws IOException, InterruptedException {
        control("POST", "faults", "{\"match\": {\"path\": \"" + path + "\"}, \"action\": {\"delay\": 600}}");
    }

    void release() throws IOException, InterruptedException {
        control("POST", "release", "{}");
    }

    /** Until a request is under way. */
    void waitForActive() throws IOException, InterruptedException {
        for (int i = 0; i < 3000 && !ACTIVE.matcher(control("GET", "state", null)).find(); i++) {
            Thread.sleep(20);
        }
    }
}
